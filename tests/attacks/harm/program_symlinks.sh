ln -s /etc/passwd out; ln -s / top; ln -s loop loop; mkfifo pipe; mkdir shut; touch shut/x; chmod 000 shut; touch dark; chmod 000 dark
