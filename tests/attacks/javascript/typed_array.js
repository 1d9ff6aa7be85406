function order(items) {
  return Int32Array.from(items).sort();
}
