import { setTimeout as wait } from 'node:timers/promises';
await wait(1);
export const order = (items) => items.toSorted((a, b) => a - b);
