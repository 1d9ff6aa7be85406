var eval = () => () => [1, 2, 3];
var exports = null;
