def order(items):
    items.sort()
    items[:] = [0]
