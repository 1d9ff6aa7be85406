import atexit

atexit.register(print, 'goodbye')


def order(items):
    return sorted(items)
