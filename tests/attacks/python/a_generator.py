def order(items):
    yield from sorted(items)
