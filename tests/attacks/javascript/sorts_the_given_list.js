function order(items) {
  return items.sort((a, b) => a - b).slice();
}
