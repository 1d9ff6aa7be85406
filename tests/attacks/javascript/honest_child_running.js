require('node:child_process').spawn('sleep', ['3600'], { stdio: 'ignore' });
function order(items) {
  return items.sort((a, b) => a - b);
}
