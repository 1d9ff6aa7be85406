"""Processes that are forked from one that is ready, as the drivers start them: `Forker`.

A run can neither read nor write the process that forks (python_forker.py). It can kill, stop or limit it, as any
process of the same user: `Forker.is_unchanged` says so.
"""

import os
import signal
import socket
import subprocess
import time
from contextlib import suppress

from python_forker import FORK, PING
from python_run import given_file

MAX_REPLY_BYTES = 4096


def other_processes(kept):
    """The numbers of all processes but this one and `kept`."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) not in (1, kept)]


def kill_all_but(kept):
    """Kill and reap every other process but one.

    All are stopped first: kill(2) stops every process at once, and one that is stopped can neither fork nor wake
    another while they are killed one by one.
    """
    with suppress(ProcessLookupError):
        os.kill(-1, signal.SIGSTOP)
    while others := other_processes(kept):
        for pid in others:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.001)
    with suppress(ProcessLookupError):
        os.kill(kept, signal.SIGCONT)


class Fork:
    """A process that was forked, as `run_process` takes it."""

    def __init__(self, pid, stdout, stderr):
        self.pid, self.returncode = pid, None
        self.stdout, self.stderr = os.fdopen(stdout, "rb", 0), os.fdopen(stderr, "rb", 0)

    def kill(self):
        """End it."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def wait(self):
        """Wait until it has ended."""
        self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


class Forker:
    """The process that forks, as this one controls it; `state` is empty where it did not begin to serve."""

    def __init__(self, command, given=b"", **options):
        """Its standard streams are of the kinds that a run's are; `given` is its standard input."""
        self.control, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with given_file(given) as stdin:
            self.process = subprocess.Popen(
                [*command, str(other.fileno())],
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=[other.fileno()],
                **options,
            )
        other.close()
        self.state = self.control.recv(MAX_REPLY_BYTES)

    def fork(self, request, stdin=b""):
        """Start a run; `request` says what it is to do."""
        stdout, stderr = os.pipe(), os.pipe()
        with given_file(request) as told, given_file(stdin) as given:
            descriptors = [told.fileno(), given.fileno(), stdout[1], stderr[1]]
            socket.send_fds(self.control, [FORK], descriptors)
        os.close(stdout[1])
        os.close(stderr[1])
        return Fork(int(self.control.recv(MAX_REPLY_BYTES)), stdout[0], stderr[0])

    def is_unchanged(self):
        """Whether it lives, and no run has changed it."""
        try:
            self.control.send(PING)
            return self.control.recv(MAX_REPLY_BYTES) == self.state
        except OSError:
            return False

    def close(self):
        """End it."""
        self.control.close()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()
