import os
import signal


def harm():
    for _ in range(10):
        if os.fork() == 0:
            os.kill(os.getpid(), signal.SIGSTOP)
            signal.pause()
    return 'left'
