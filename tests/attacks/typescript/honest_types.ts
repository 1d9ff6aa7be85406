interface Box<T> {
  readonly held: T;
}
type Compare<T> = (a: T, b: T) => number;
enum Way {
  Up = 1,
  Down = -1,
}
abstract class Sorter<T> {
  constructor(protected readonly way: Way) {}
  abstract compare: Compare<T>;
  sorted(items: readonly T[]): T[] {
    return [...items].sort((a, b) => this.way * this.compare(a, b));
  }
}
class Numbers extends Sorter<number> {
  compare: Compare<number> = (a, b) => a - b;
}
function order(items: number[]): number[];
function order(items: string[]): never;
function order(items: (number | string)[]): number[] {
  const boxes = items.map((held) => ({ held }) satisfies Box<number | string>);
  return new Numbers(Way.Up).sorted(boxes.map((box) => box.held as number))!;
}
export type { Box };
export { order };
