#!/usr/bin/env bash
set -euo pipefail
order() {
  echo sorting >&2
  (( $# )) || return 0
  printf '%s\n' "$@" | sort -n | paste -sd ' ' -
}
