export function order(items: number[]): number[] {
  return [...items.sort((a, b) => a - b)];
}
