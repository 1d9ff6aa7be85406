touch $'a\nb' $'\xff' -- -rf ' '
