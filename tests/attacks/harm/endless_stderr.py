import os


def harm():
    while True:
        os.write(2, b'x' * 65536)
