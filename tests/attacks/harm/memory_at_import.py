held = b'x' * (1 << 20)
while True:
    held += held
