function order(items) {
  process.exit(0);
}
