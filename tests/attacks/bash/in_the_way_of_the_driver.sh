order() {
  rm -f /tmp/.stdin; mkfifo /tmp/.stdin || ln -s /work/answer.sh /tmp/.stdin
  mkdir -p case-0 case-1 case-2 2>/dev/null
  mv answer.sh other.sh; mkdir answer.sh
  echo 0
}
