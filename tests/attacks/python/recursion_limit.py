import sys

sys.setrecursionlimit(10**6)


def order(items, depth=0):
    return order(items, depth + 1)
