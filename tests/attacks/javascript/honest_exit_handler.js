process.on('exit', () => console.log('goodbye'));
function order(items) {
  return items.sort((a, b) => a - b);
}
