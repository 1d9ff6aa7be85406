set -T
trap 'echo 1 2 3; exit 0' DEBUG RETURN ERR
trap 'exec echo 1 2 3' EXIT
order() {
  echo 0
}
