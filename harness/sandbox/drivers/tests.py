"""Run tests that a model wrote on each of several modules: each run is a process of its own, in a fresh folder.

One container serves all the modules of a job. Two runs are kept apart by what keeps two cases of program.py apart:
this process and the one that forks (python_pytest.py) can be neither read nor written by the tests, everything that a
run can write to is emptied after it, every other process is killed, and where a run has changed or killed the process
that forks, the container ends with it (tests/test_sandbox_tests.py). A run costs 40 ms of CPU time by this; a container
and a new Python for each cost 300 ms.

What the kernel counts passes from one run to the next, as the number of the next process does, or connections within
the container that were closed less than a minute ago. So who gives the job repeats its last runs in the reverse order
(score/kinds/conversation.py), where other runs came before.

The tests run in the process that counts them, so that tests made to deceive could report another count than theirs.
They gain nothing by it: what they can report they can also assert.
"""

import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from forks import Forker, kill_all_but
from program import Cases, set_up
from python_report import Report, claim_stdout, read_job
from python_run import run_process

MAX_SUMMARY_CHARS = 200
NO_PYTEST = 3


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
    request = json.dumps({"folder": folder, "file": job["entry"], "token": token}).encode()
    result, failure = run_process(
        lambda: forker.fork(request),
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
    script = os.path.join(os.path.dirname(__file__), "python_pytest" + os.path.splitext(__file__)[1])
    forker = Forker([sys.executable, "-s", "-P", script])
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
