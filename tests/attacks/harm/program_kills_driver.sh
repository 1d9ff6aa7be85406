kill -9 1; kill -STOP 1; kill -TERM 1
exit 3
