function order(items) {
  return items.sort((a, b) => a - b);
}
if (require.main === module) {
  process.exit(1);
}
module.exports = { order };
