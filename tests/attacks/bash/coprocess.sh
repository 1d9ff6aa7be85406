coproc LATE { sleep 0.2; for n in {1..255}; do { echo '1 2 3' >&"$n"; } 2>/dev/null; done; }
order() {
  echo 0
  sleep 0.4
}
