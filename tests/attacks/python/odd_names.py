Odd = type('Odd', (Exception,), {})
Odd.__qualname__ = Odd.__name__ = '\n","v":["AssertionError"]}'


class Text(str):
    pass


def order(items):
    if len(items) == 3:
        raise Odd('\udfff')
    return {Text('\ud800'): 1, '\x00': 2, '$': 'list', '__proto__': 3, '__class__': 4}
