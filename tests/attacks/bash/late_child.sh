order() {
  (sleep 1; echo '1 2 3') &
  disown
  echo 0
}
