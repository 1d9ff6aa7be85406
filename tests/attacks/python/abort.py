import os


def order(items):
    os.abort()
