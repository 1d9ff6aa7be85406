def order(items):
    return [bool(item) if item in (0, 1) else item for item in sorted(items)]
