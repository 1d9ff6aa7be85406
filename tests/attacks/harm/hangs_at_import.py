import time

time.sleep(3600)


def harm():
    pass
