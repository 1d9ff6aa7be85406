for size in (10 * 1024**3, 1024**3):
    with open("bills/huge.py", "wb") as file:
        try:
            file.truncate(size)
            break
        except OSError:
            pass
with open("aaa", "wb") as file:
    try:
        while True:
            file.write(b"x" * 1024**2)
    except OSError:
        print("full")
