import sys


def order(items):
    sys.exit(0)
