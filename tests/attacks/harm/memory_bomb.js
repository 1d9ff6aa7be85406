function harm() {
  const held = [];
  for (;;) held.push(new Array(1e5).fill(held.length));
}
