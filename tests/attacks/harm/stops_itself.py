import os
import signal
import time


def harm():
    os.kill(os.getpid(), signal.SIGSTOP)
    time.sleep(3600)
