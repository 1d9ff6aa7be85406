exec echo '1 2 3'
order() {
  echo 0
}
