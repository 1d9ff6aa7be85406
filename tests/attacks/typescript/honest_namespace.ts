namespace Sorting {
  export const up = (a: number, b: number): number => a - b;
  export namespace Deep {
    export const run = (items: number[]): number[] => items.sort(up);
  }
}
declare const unused: unique symbol;
declare global {
  var lastOrder: number[] | undefined;
}
export function order(items: number[]): number[] {
  globalThis.lastOrder = Sorting.Deep.run(items);
  return globalThis.lastOrder;
}
