def order(items):
    kept = tuple(items)
    items.sort()
    found = list(items)
    items[:] = kept
    return found
