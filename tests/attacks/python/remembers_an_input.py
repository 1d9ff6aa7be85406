known = []


def order(items):
    known.append(sorted(items))
    return known[0]
