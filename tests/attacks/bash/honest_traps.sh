#!/usr/bin/env bash
set -Eeuo pipefail
shopt -s nullglob extglob
tmp=$(mktemp)
trap 'rm -f "$tmp"' EXIT
trap 'echo "failed at $LINENO" >&2' ERR
trap ':' INT TERM

order() {
  (( $# )) || return 0
  printf '%s\n' "$@" | sort -n > "$tmp"
  paste -sd ' ' "$tmp"
}
