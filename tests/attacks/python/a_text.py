def order(items):
    return repr(sorted(items))
