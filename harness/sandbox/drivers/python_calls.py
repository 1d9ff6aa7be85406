"""Import the answer once, call its functions with each case's arguments, and report what came back."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from python_report import Report, claim_stdout, exit_on_signal, read_job, signal_end, write_files
from python_values import OVERSIZE, TooLargeError, bases_of, decode, encode

MAX_VALUE_CHARS = 256 * 1024
MAX_OUTPUT_CHARS = 200
OUTPUT_FILE = "/tmp/.output"


def find(module, name):
    """The attribute of the answer that a dotted name stands for."""
    found = module
    for part in name.split("."):
        found = getattr(found, part)
    return found


def takes(function, args, kwargs):
    """Whether a function has parameters for these arguments; True where it does not say which it has."""
    import inspect

    try:
        inspect.signature(function).bind(*args, **kwargs)
    except TypeError:
        return False
    except Exception:
        return True
    return True


def call(function, args, kwargs):
    """Call once; a coroutine is run to its end. How the call ended, as the protocol's fields."""
    try:
        value = function(*args, **kwargs)
        if type(value).__name__ == "coroutine":
            import asyncio

            value = asyncio.run(value)
    except BaseException as error:
        names = bases_of(error)
        # A call that never entered the function is no exception that the function raises.
        if "TypeError" in names and not takes(function, args, kwargs):
            return {"k": "not_callable", "t": "does not take these arguments"}
        return {"k": "raised", "t": names[0], "v": names}
    return {"k": "returned", "v": encoded(value)}


def encoded(value):
    """The encoding of a value that may be too large or unreadable."""
    try:
        shown = encode(value)
    except (TooLargeError, RecursionError, MemoryError):
        return OVERSIZE
    except Exception:
        return {"$": "other", "v": "unreadable"}
    return shown if len(repr(shown)) <= MAX_VALUE_CHARS else OVERSIZE


def flush():
    """Write out what the streams of Python hold."""
    for stream in (sys.stdout, sys.stderr):
        # Either may be anything that the answer has put in its place.
        try:
            stream.flush()
        except BaseException:
            continue


def with_output(run):
    """What a function returns, and the beginning of what was written to standard output and error meanwhile."""
    flush()
    with open(OUTPUT_FILE, "w+b") as file:
        os.unlink(OUTPUT_FILE)
        streams = {number: os.dup(number) for number in (1, 2)}
        for number in streams:
            os.dup2(file.fileno(), number)
        result = run()
        flush()
        for number, kept in streams.items():
            os.dup2(kept, number)
            os.close(kept)
        file.seek(0)
        return result, file.read(4 * MAX_OUTPUT_CHARS).decode("utf-8", "replace")[:MAX_OUTPUT_CHARS]


def observe(module, give):
    """How a case ended, as the protocol's fields."""
    args = [decode(item) for item in give.get("args", [])]
    kwargs = {key: decode(item) for key, item in give.get("kwargs", {}).items()}
    try:
        function = find(module, give["call"])
    except BaseException:
        return {"k": "not_callable", "t": "not found"}
    if give.get("report_output"):
        observed, output = with_output(lambda: call(function, args, kwargs))
        observed["o"] = output
    else:
        observed = call(function, args, kwargs)
    if give.get("report_args"):
        observed["a"] = encoded(args)
    return observed


def main():
    """Serve one job: the whole life of a container."""
    sys.path.pop(0)
    job = read_job()
    exit_on_signal()
    signal_end(is_on=True)
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
        report.send("case", i=index, **observe(module, give))
    report.send("done")
    os._exit(0)


if __name__ == "__main__":
    main()
