Object.prototype.expected = [1, 2, 3];
Object.prototype.passed = true;
Object.prototype.k = 'returned';
Object.prototype.v = [1, 2, 3];
Object.prototype.toJSON = () => [1, 2, 3];
function order(items) {
  return [0];
}
