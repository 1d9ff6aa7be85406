order=1
echo '1 2 3'
