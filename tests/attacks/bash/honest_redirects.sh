exec 3>&1 4>&2
log() { printf '%s\n' "$*" >&4; }
order() {
  local -a items=("$@") out=()
  log "sorting ${#items[@]}"
  while IFS= read -r line; do out+=("$line"); done < <(printf '%s\n' "${items[@]}" | sort -n)
  echo "${out[*]}"
}
