require('node:v8').setFlagsFromString('--allow-natives-syntax');
require('node:v8').setFlagsFromString('--stack-size=900000');
function deep(n) {
  return deep(n + 1) + 1;
}
function order(items) {
  try {
    Function('%SystemBreak()')();
  } catch {}
  return deep(0);
}
