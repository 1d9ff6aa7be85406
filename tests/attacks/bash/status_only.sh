order() {
  return 0
}
