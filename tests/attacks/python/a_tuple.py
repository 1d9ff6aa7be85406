def order(items):
    return tuple(sorted(items))
