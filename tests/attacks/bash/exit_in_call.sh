order() {
  exit 0
}
