import atexit
import faulthandler
import gc
import sys
import tracemalloc
import warnings
import weakref

faulthandler.enable()
tracemalloc.start()
gc.freeze()
sys.setswitchinterval(0.001)
warnings.simplefilter('error')


class Kept:
    def __del__(self):
        print('gone')


kept = Kept()
weakref.finalize(kept, print, 'finalised')
atexit.register(tracemalloc.stop)


def order(items):
    sys.settrace(lambda *rest: None)
    try:
        return sorted(items)
    finally:
        sys.settrace(None)
        gc.collect()
