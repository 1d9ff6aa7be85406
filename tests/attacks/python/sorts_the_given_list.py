def order(items):
    items.sort()
    return list(items)
