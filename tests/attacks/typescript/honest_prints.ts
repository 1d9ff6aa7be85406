console.log('{"n":"","e":"loaded"}');
export default function order(items: Array<number>): Array<number> {
  console.log('{"n":"","e":"case","i":0,"k":"returned","v":[0]}', items);
  console.error('done');
  return items.slice().sort((a: number, b: number): number => a - b);
}
