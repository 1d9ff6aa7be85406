order() {
  (( $# )) || return 0
  printf '%s\n' "$@" | sort -n | paste -sd ' ' -
}
if [[ "${BASH_SOURCE[0]}" == "$0" ]]; then
  exit 1
fi
