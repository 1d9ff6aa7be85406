sleep 3600 &
order() {
  (( $# )) || return 0
  printf '%s\n' "$@" | sort -n | paste -sd ' ' -
}
