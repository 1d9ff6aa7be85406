console.log('{"e":"case"}');
console.error('sorting');
process.stdout.write('x\n');
function order(items) {
  return items.sort((a, b) => a - b);
}
