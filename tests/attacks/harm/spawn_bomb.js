const { spawnSync, spawn } = require('node:child_process');
function harm() {
  for (let number = 0; number < 200; number++) spawn('sleep', ['3600'], { detached: true }).on('error', () => {});
  spawnSync('true');
  return 'left';
}
