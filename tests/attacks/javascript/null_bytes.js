function order(items) {
  return ['\0', '\ud800', '\u2028'];
}
