import sys


def order(items):
    print('{"e": "case"}')
    print('sorting', items, file=sys.stderr)
    return sorted(items)
