export function order(items: readonly number[]): number[] {
  return [...items].sort((a, b) => a - b);
}
