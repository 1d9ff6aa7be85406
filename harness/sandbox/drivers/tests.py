"""Run tests that a model wrote on each of several modules: each run is a process of its own, in a fresh folder.

One container serves all the modules of a job. Two runs are kept apart by what keeps two cases of program.py apart:
this process and the one that forks (python_pytest.py) can be neither read nor written by the tests, everything that a
run can write to is emptied after it, every other process is killed, and where a run has changed or killed the process
that forks, the container ends with it (tests/test_sandbox_tests.py). A run costs 40 ms of CPU time by this; a container
and a new Python for each cost 300 ms.

The tests run in the process that counts them, so that tests made to deceive could report another count than theirs.
They gain nothing by it: what they can report they can also assert.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from program import Cases, set_up
from python_report import Report, claim_stdout, read_job
from python_run import run_process

PING = b"ping"
MAX_REPLY_BYTES = 4096
MAX_SUMMARY_CHARS = 200
NO_PYTEST = 3


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
    """A process that runs tests, as `run_process` takes it."""

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
    """The process that has pytest loaded, as this one controls it."""

    def __init__(self):
        self.control, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        script = os.path.join(os.path.dirname(__file__), "python_pytest" + os.path.splitext(__file__)[1])
        null = subprocess.DEVNULL
        command = [sys.executable, "-s", "-P", script, str(other.fileno())]
        self.process = subprocess.Popen(command, stdin=null, stdout=null, stderr=null, pass_fds=[other.fileno()])
        other.close()
        self.state = self.control.recv(MAX_REPLY_BYTES)

    def fork(self, folder, file, token):
        """Start the tests of a folder."""
        stdout, stderr = os.pipe(), os.pipe()
        request = json.dumps({"folder": folder, "file": file, "token": token}).encode()
        socket.send_fds(self.control, [request], [stdout[1], stderr[1]])
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


def summary_of(stdout, token):
    """{"passed", "failed"} as the run wrote them in its last line; {} where it did not end by reporting them."""
    last = stdout.rpartition("\n")[2] if isinstance(stdout, str) else ""
    try:
        summary = json.loads(last) if len(last) <= MAX_SUMMARY_CHARS else None
    except (ValueError, RecursionError):
        return {}
    if not isinstance(summary, dict) or summary.pop("token", None) != token:
        return {}
    return summary


def observe(job, give, cases, forker):
    """How the tests of one module ended, as the protocol's fields."""
    folder, token = os.path.join(os.getcwd(), os.urandom(8).hex()), os.urandom(8).hex()
    set_up(folder, job, give)
    result, failure = run_process(
        lambda: forker.fork(folder, job["entry"], token),
        job["output_bytes"],
        lambda: kill_all_but(forker.process.pid),
    )
    cases.restore_modes()
    cases.restore()
    if not forker.is_unchanged():
        os._exit(1)
    if failure is not None:
        return failure
    return {"k": "returned", "v": {"exit": result["exit"], **summary_of(result["stdout"], token)}}


def main():
    """Serve one job: the whole life of a container."""
    job = read_job()
    forker = Forker()
    if not forker.state:
        print("pytest cannot be imported", file=sys.stderr, flush=True)
        os._exit(NO_PYTEST)
    report = Report(claim_stdout(), job["nonce"])
    report.send("taken")
    cases = Cases()
    report.send("loaded")
    for index, give in job["cases"]:
        report.send("case", i=index, **observe(job, give, cases, forker))
    report.send("done")
    os._exit(0)


if __name__ == "__main__":
    main()
