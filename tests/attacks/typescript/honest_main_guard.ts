import * as readline from 'node:readline';

export function order(items: number[]): number[] {
  return items.sort((a, b) => a - b);
}

if (require.main === module) {
  const lines = readline.createInterface({ input: process.stdin });
  lines.on('line', (line: string) => process.stdout.write(order(line.split(' ').map(Number)).join(' ')));
}
