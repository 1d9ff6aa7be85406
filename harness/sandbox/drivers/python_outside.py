"""Keep tests and answer in containers of their own: the job's `role` says which of the two this one holds.

Role `answer` loads the answer, then serves one call after another as they come, each a case of the driver calls. Role
`tests` loads the test code and hands it, in place of the answer's function, a stub that reports each call and waits for
what came of it. The host passes both on (harness/sandbox/outside.py). Values cross as harness/sandbox/values.py
describes: what has no plain form, such as a generator, arrives as an `Opaque` that carries its type's name.
"""

import builtins
import os
import sys
from _queue import SimpleQueue
from collections import deque

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from python_calls import find, observe
from python_json import loads
from python_report import Report, claim_stdout, exit_on_signal, read_job, signal_end, write_files
from python_values import bases_of, decode, encode

ENDS_ITERATION = ("StopIteration", "StopAsyncIteration")


class Opaque:
    """A value without a plain form: it is its type's name and equals nothing but itself."""

    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return f"<{self.name}>"


def plain(value, *, hashed=False):
    """What the answer returned, as the tests see it; an instance of its own class counts as what it derives from.

    A set that is `hashed`, in a set or as a key, is frozen.
    """
    if type(value) is list:
        return [plain(item) for item in value]
    if type(value) is not dict:
        return value
    if "$" not in value:
        return {key: plain(item) for key, item in value.items()}
    kind, content = value["$"], value["v"]
    if kind == "subclass":
        return plain(content, hashed=hashed)
    if kind in ("other", "oversize"):
        return Opaque(str(content))
    if kind == "tuple":
        return tuple(plain(item, hashed=hashed) for item in content)
    if kind == "set":
        return (frozenset if hashed else set)(plain(item, hashed=True) for item in content)
    if kind == "deque":
        return deque(plain(item) for item in content)
    if kind == "dict":
        return {plain(key, hashed=True): plain(item) for key, item in content}
    return decode(value)


def exception_of(names):
    """The exception that stands for one of these types, nearest first: a built-in type, never one that ends a loop.

    An answer that raises StopIteration would else end the `all(map(candidate, ...))` of a test as if all had passed.
    """
    for name in names:
        kind = getattr(builtins, str(name), None)
        if type(kind) is type and issubclass(kind, Exception) and name not in ENDS_ITERATION:
            try:
                return kind(f"the answer raised {names[0]}")
            except TypeError:
                # UnicodeDecodeError and its like take several arguments of their own.
                return kind.__new__(kind)
    return RuntimeError(f"the answer raised {names[0] if names else 'something'}")


def put_back(old, new):
    """Give an argument the content that it has after the call, in place, so that others who hold it see it."""
    if type(old) is not type(new):
        return new
    if type(old) is list:
        old[:] = [put_back(*pair) for pair in zip(old, new, strict=False)] + new[len(old) :]
    elif type(old) is deque:
        before = [*old, *[None] * len(new)]
        old.clear()
        old.extend(put_back(*pair) for pair in zip(before, new, strict=False))
    elif type(old) is dict:
        old_items = dict(old)
        old.clear()
        old.update({key: put_back(old_items.get(key), item) for key, item in new.items()})
    elif type(old) is set:
        old &= new
        old |= new
    elif type(old) is bytearray:
        old[:] = new
    else:
        return new
    return old


class Stub:
    """Stands for the answer's function in the tests."""

    def __init__(self, name, report, inbox):
        self.__name__, self._report, self._inbox = name, report, inbox

    def __call__(self, *args, **kwargs):
        """Have the answer's function called with these arguments."""
        encoded = [encode(item) for item in args]
        give = {"call": self.__name__, "args": encoded, "kwargs": {key: encode(item) for key, item in kwargs.items()}}
        if any(type(item) is list or type(item) is dict for item in encoded):
            give["report_args"] = True
        self._report.send("call", give=give)
        seen = loads(self._inbox.get())
        if seen.get("a") is not None and seen["a"] != encoded:
            for old, new in zip(args, plain(seen["a"]), strict=False):
                put_back(old, new)
        if seen["k"] == "returned":
            return plain(seen.get("v"))
        names = seen.get("v") if seen["k"] == "raised" else ["TypeError"]
        raise exception_of(names if type(names) is list else [])


def run_test(module, give, report, inbox):
    """How one test function ended, as the protocol's fields; what it returns is not looked at."""
    try:
        find(module, give["call"])(Stub(give["candidate"], report, inbox))
    except BaseException as error:
        names = bases_of(error)
        return {"k": "raised", "t": names[0], "v": names}
    return {"k": "returned"}


def main():
    """Serve one job: the whole life of a container."""
    sys.path[:] = [folder for folder in sys.path if folder != os.path.dirname(os.path.abspath(__file__))]
    inbox = SimpleQueue()
    job = read_job(inbox.put)
    exit_on_signal()
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
    if job["role"] == "tests":
        for index, give in job["cases"]:
            report.send("case", i=index, **run_test(module, give, report, inbox))
        report.send("done")
        os._exit(0)
    index = 0
    while True:
        give = loads(inbox.get())
        signal_end(is_on=True)
        observed = observe(module, give)
        # The host sends the next call after this report.
        signal_end(is_on=False)
        report.send("case", i=index, **observed)
        index += 1


main()
