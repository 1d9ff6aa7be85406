setTimeout(() => {
  throw new Error('later');
}, 0);
function order(items) {
  return [0];
}
