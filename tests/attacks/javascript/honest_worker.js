const { Worker } = require('node:worker_threads');
const work = `const { parentPort } = require('node:worker_threads');
parentPort.on('message', (items) => { console.log(items); parentPort.postMessage(items.sort((a, b) => a - b)); });`;
const worker = new Worker(work, { eval: true });
module.exports.order = (items) =>
  new Promise((keep, fail) => {
    worker.once('message', keep).once('error', fail);
    worker.postMessage(items);
  });
