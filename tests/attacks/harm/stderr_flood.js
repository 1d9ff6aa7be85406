const fs = require('node:fs');
function harm() {
  for (;;) fs.writeSync(2, 'x'.repeat(65536));
}
