"""Fork a process that has pytest loaded for each run of a model's tests; the driver tests.py starts and controls this.

To load pytest takes three times as long as to run the tests of one module. So this process loads it once and forks. It
is executed anew, without the job: a fork's memory holds nothing of the other modules that the tests are run on.

Requests come by a socket: PING, or a JSON object with the folder of a run, its file of tests and a token, with the
descriptors of its standard output and error. The replies are this process's state and the number of the new process.
"""

import gc
import json
import os
import resource
import signal
import socket
import sys

import pytest
from _pytest.config import get_config

PING = b"ping"
MAX_REQUEST_BYTES = 65536
LIMITS = range(16)
"""The numbers of Linux's resource limits (getrlimit(2))."""
LOADED_LATE = ("faulthandler", "pdb", "_pytest._argcomplete")
"""What pytest's plugins import when a session begins: a third of what a short session costs."""
ARGUMENTS = ["-q", "-x", "--tb=no", "--assert=plain", "--capture=sys", "-p", "no:cacheprovider"]
"""The first failed test decides: no other is run. To capture by descriptors as well would cost a tenth more."""


class Results:
    """Counts the tests that passed and failed; registered as a plugin."""

    def __init__(self):
        self.passed = self.failed = 0

    def pytest_runtest_logreport(self, report):
        """Count one report; a test that is expected to fail counts as neither."""
        self.failed += report.failed
        self.passed += report.passed and report.when == "call" and not hasattr(report, "wasxfail")


def load_plugins():
    """Load once what pytest would load in every fork, and keep the collector from copying it."""
    get_config()
    for module in LOADED_LATE:
        __import__(module)
    gc.collect()
    gc.freeze()


def state():
    """What a process of the same user can change in this one, and what each fork inherits."""
    limits = [resource.getrlimit(limit) for limit in LIMITS]
    return repr((os.getpriority(os.PRIO_PROCESS, 0), sorted(os.sched_getaffinity(0)), limits)).encode()


def run_tests(folder, file, token):
    """Run the tests and write how many passed and failed, as the last line, with the token that only the driver knows.

    A file that ends the process has no such line.
    """
    os.chdir(folder)
    os.environ |= {"HOME": folder, "TMPDIR": "/tmp"}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv, sys.path[:0], sys.executable = [file], [folder], "/usr/bin/python3"
    output, results = os.dup(1), Results()
    status = pytest.main([*ARGUMENTS, file], [results])
    summary = {"token": token, "passed": results.passed, "failed": results.failed}
    sys.stdout.flush()
    os.write(output, ("\n" + json.dumps(summary)).encode())
    os._exit(status)


def fork(control, request, descriptors):
    """Fork a process that runs tests; its number. It becomes a child of the driver, which then sees how it ends.

    The process between them ends at once: the kernel gives its child to process 1.
    """
    readable, writable = os.pipe()
    parent = os.fork()
    if not parent:
        pid = os.fork()
        if pid:
            os.write(writable, str(pid).encode())
            os._exit(0)
        control.close()
        os.setsid()
        for number, descriptor in enumerate(descriptors, 1):
            os.dup2(descriptor, number)
        os.closerange(3, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        run_tests(**request)
    os.waitpid(parent, 0)
    pid = os.read(readable, 16)
    for descriptor in (readable, writable, *descriptors):
        os.close(descriptor)
    return pid


def main():
    """Serve until the driver ends."""
    control = socket.socket(fileno=int(sys.argv[1]))
    # The handler of Python would leave a trace of the signal in this process.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    load_plugins()
    control.send(state())
    while True:
        request, descriptors, _, _ = socket.recv_fds(control, MAX_REQUEST_BYTES, 2)
        if not request:
            os._exit(0)
        control.send(state() if request == PING else fork(control, json.loads(request), descriptors))


main()
