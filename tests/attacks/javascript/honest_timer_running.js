setInterval(() => {}, 1000);
function order(items) {
  return items.sort((a, b) => a - b);
}
