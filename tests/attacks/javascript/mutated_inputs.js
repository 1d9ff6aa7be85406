function order(items) {
  items.sort((a, b) => a - b);
}
