function order(items) {
  return items.map((item) => Object.assign(new Number(0), { valueOf: () => item }));
}
