def order(items):
    return [10 ** 1_000_000]
