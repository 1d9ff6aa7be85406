held = []
while True:
    held.append(b"x" * 50_000_000)
