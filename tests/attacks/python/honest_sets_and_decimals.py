from collections import Counter, deque
from decimal import Decimal
from fractions import Fraction


def order(items):
    kept = {Decimal(item): Fraction(item, 1) for item in items}
    counts = Counter(items)
    out = deque()
    for key in sorted(kept):
        out.extend([int(kept[key])] * counts[int(key)])
    return list(out)
