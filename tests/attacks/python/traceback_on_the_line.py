import faulthandler
import os
import time

line = max(int(name) for name in os.listdir('/proc/self/fd') if int(name) < 256)
faulthandler.dump_traceback_later(0.01, repeat=True, file=line)


def order(items):
    time.sleep(0.1)
    return [0]
