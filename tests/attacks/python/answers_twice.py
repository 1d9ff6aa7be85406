import sys

def report():
    frame = sys._getframe()
    while frame is not None:
        if "report" in frame.f_locals and hasattr(frame.f_locals["report"], "say"):
            return frame.f_locals["report"]
        frame = frame.f_back


index = -1


def order(items):
    global index
    index += 1
    report().say('case', i=index, k='returned', v=sorted(items))
    return sorted(items)
