while True:
    try:
        if os.fork() == 0:
            time.sleep(600)
    except OSError:
        break
