function order(items) {
  const made = [];
  items.forEach((_, at) => Object.defineProperty(made, at, { get: () => at + 1, enumerable: true }));
  return made;
}
