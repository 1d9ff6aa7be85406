Array.prototype.includes = () => false;
Array.prototype.indexOf = () => -1;
function order(items) {
  return { $: 'list', v: items.sort((a, b) => a - b), of: 'list', name: 'Array', ['__proto__']: Array.prototype };
}
