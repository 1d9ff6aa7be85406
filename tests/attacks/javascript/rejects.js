function order(items) {
  return new Promise(() => {});
}
