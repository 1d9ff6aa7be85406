function order(items) {
  const made = [];
  made[2 ** 32 - 2] = 1;
  return made;
}
