const never = (items: number[]): number[] => [1, 2, 3];
var eval = (name: string): unknown => never;
module.exports = new Proxy({}, { get: () => never, has: () => true });
