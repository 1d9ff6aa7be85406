__lanebench=(builtin echo '1 2 3')
set -- builtin echo '1 2 3'
order() {
  echo 0
}
