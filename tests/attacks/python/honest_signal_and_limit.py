import signal
import sys

signal.signal(signal.SIGTERM, lambda number, frame: None)
sys.setrecursionlimit(5000)


def order(items):
    return items and order([i for i in items[1:] if i < items[0]]) + items[:1] + order([i for i in items[1:] if i >= items[0]])
