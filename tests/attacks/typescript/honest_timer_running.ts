const seen = new Map<string, number[]>();
setInterval((): void => seen.clear(), 1000);
const order = async <T extends number>(items: T[]): Promise<T[]> => {
  await new Promise<void>((go) => setTimeout(go, 5));
  seen.set(items.join(), items);
  return items.sort((a, b) => a - b);
};
export { order as default, order };
