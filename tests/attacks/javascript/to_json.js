function order(items) {
  return { toJSON: () => items.sort((a, b) => a - b) };
}
