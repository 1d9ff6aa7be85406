'use strict';
const order = (items) => {
  const sorted = Float64Array.from(items).sort();
  return Array.from(sorted, Number);
};
class Queue extends Array {}
const queue = new Queue();
Object.freeze(queue);
Object.defineProperty(exports, 'order', { enumerable: true, get: () => order });
