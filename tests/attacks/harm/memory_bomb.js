function harm() {
  const held = [];
  for (;;) held.push('x'.repeat(1 << 20) + held.length);
}
