solve()
while True:
    try:
        ask(URL, MODEL)
    except OSError:
        time.sleep(0.05)
