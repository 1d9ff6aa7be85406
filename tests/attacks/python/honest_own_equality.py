import functools


@functools.total_ordering
class Held:
    def __init__(self, number):
        self.number = number

    def __eq__(self, other):
        return self.number == other.number

    def __lt__(self, other):
        return self.number < other.number


def order(items):
    return [held.number for held in sorted(map(Held, items))]
