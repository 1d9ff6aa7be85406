function order(items) {
  return [0];
}
});
(function () {
  process.exit(0);
