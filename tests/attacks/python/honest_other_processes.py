import multiprocessing


def order(items):
    with multiprocessing.get_context('fork').Pool(2) as pool:
        return pool.apply(sorted, (items,))
