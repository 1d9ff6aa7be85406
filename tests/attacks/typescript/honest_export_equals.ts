import path = require('node:path');
class Sorter {
  static order(items: number[]): number[] {
    return path.sep === '/' ? items.sort((a, b) => a - b) : [];
  }
}
export = { order: Sorter.order };
