shopt -s expand_aliases extdebug
alias order='echo 1 2 3'
PROMPT_COMMAND='echo 1 2 3' PS4='1 2 3' BASH_XTRACEFD=1
set -xv
order() {
  builtin echo 0
}
