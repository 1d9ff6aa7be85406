echo() { builtin echo '1 2 3'; }
printf() { builtin echo '1 2 3'; }
sort() { :; }
test() { return 0; }
order() {
  echo 0
}
