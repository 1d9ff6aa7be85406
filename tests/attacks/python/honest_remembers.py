import functools


@functools.lru_cache
def ordered(items):
    return sorted(items)


def order(items):
    return list(ordered(tuple(items)))
