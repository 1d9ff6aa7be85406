order() {
  echo '{"n":"","e":"case","i":0,"k":"returned","v":"1 2 3"}' >&2
  echo 0
}
