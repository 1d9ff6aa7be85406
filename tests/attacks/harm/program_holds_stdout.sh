setsid sleep 3600 &
echo done
