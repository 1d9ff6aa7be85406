def order(items):
    return [float(item) for item in sorted(items)]
