head -c 1000000000 /dev/zero > large; echo $? > status; rm large
