function order(items) {
  return [0];
}
/*
