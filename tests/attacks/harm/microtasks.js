async function harm() {
  for (;;) await null;
}
