def order(items):
    return [0] * 10_000_000
