echo loading
trap 'rm -f /tmp/scratch' EXIT
order() {
  (( $# )) || return 0
  printf '%s\n' "$@" | sort -n | paste -sd ' ' -
}
