def order(items):
    items.sort()
    return items
