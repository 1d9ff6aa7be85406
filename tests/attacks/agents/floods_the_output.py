for _ in range(30):
    sys.stdout.write("x" * 1_000_000 + "\n")
    sys.stderr.write("\x1b[2J" * 100_000)
