"""Import the answer once, call its functions with each case's arguments, and report what came back."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from python_report import Report, put_files, read_job, take_stdout
from python_values import OVERSIZE, TooLargeError, bases_of, decode, encode

LONGEST = 256 * 1024


def find(module, name):
    """The thing that a dotted name stands for in the answer."""
    found = module
    for part in name.split("."):
        found = getattr(found, part)
    return found


def call(module, give):
    """Call once; a coroutine is run to its end."""
    args = [decode(item) for item in give.get("args", [])]
    kwargs = {key: decode(item) for key, item in give.get("kwargs", {}).items()}
    value = find(module, give["call"])(*args, **kwargs)
    if type(value).__name__ == "coroutine":
        import asyncio

        value = asyncio.run(value)
    return value


def observe(module, give):
    """How a case ended, as the protocol's fields."""
    try:
        value = call(module, give)
    except BaseException as error:
        names = bases_of(error)
        return {"k": "raised", "t": names[0], "v": names}
    try:
        return {"k": "returned", "v": encode(value)}
    except (TooLargeError, RecursionError, MemoryError):
        return {"k": "returned", "v": OVERSIZE}
    except Exception:
        return {"k": "returned", "v": {"$": "other", "v": "unreadable"}}


def main():
    """The whole life of one container."""
    sys.path.pop(0)
    job = read_job()
    report = Report(take_stdout(), job["nonce"])
    report.say("taken")
    put_files(".", job["files"])
    sys.path.insert(0, os.getcwd())
    name = os.path.splitext(job["entry"])[0].replace("/", ".")
    try:
        module = __import__(name, fromlist=["_"])
    except BaseException as error:
        report.say("load_failed", t=bases_of(error)[0])
        os._exit(0)
    report.say("loaded")
    for index, give in job["cases"]:
        seen = observe(module, give)
        if len(repr(seen)) > LONGEST:
            seen = {"k": "returned", "v": OVERSIZE}
        report.say("case", i=index, **seen)
    report.say("done")
    os._exit(0)


main()
