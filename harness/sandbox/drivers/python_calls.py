"""Import the answer once, call its functions with each case's arguments, and report what came back."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from python_report import Report, claim_stdout, read_job, write_files
from python_values import OVERSIZE, TooLargeError, bases_of, decode, encode

MAX_VALUE_CHARS = 256 * 1024


def find(module, name):
    """The attribute of the answer that a dotted name stands for."""
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
    """Serve one job: the whole life of a container."""
    sys.path.pop(0)
    job = read_job()
    report = Report(claim_stdout(), job["nonce"])
    report.send("taken")
    write_files(".", job["files"])
    sys.path.insert(0, os.getcwd())
    name = os.path.splitext(job["entry"])[0].replace("/", ".")
    try:
        module = __import__(name, fromlist=["_"])
    except BaseException as error:
        report.send("load_failed", t=bases_of(error)[0])
        os._exit(0)
    report.send("loaded")
    for index, give in job["cases"]:
        observed = observe(module, give)
        if len(repr(observed)) > MAX_VALUE_CHARS:
            observed = {"k": "returned", "v": OVERSIZE}
        report.send("case", i=index, **observed)
    report.send("done")
    os._exit(0)


main()
