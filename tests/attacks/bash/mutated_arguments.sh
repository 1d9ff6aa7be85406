order() {
  set -- 1 2 3
  BASH_ARGV=(3 2 1) BASH_ARGC=(3) FUNCNAME=(passed)
  echo 0
}
