"""Run the answer as a program in Python: as program.py does, forked from a Python that is already running.

Where few runs are wanted, or a case gives another program, Python is started anew for each.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import program
from forks import Forker, kill_all_but
from python_report import Report, claim_stdout, read_job
from python_run import environment

MIN_RUNS = 3
"""To have a Python that forks costs as much as to start two."""


class Forks(program.Runs):
    """How the cases of a job are run, forked where this is the same."""

    def __init__(self, job):
        super().__init__(self.start_forker)
        self.entry, self.source = job["entry"], job["files"][job["entry"]].encode("utf-8", "surrogatepass")
        self.is_worth_it = sum(self.can_fork(give) for _, give in job["cases"]) >= MIN_RUNS
        self.forker = None

    def can_fork(self, give):
        """Whether a case runs the program that the job has."""
        return give.get("mode", "run") == "run" and self.entry not in give.get("files", ())

    def start_forker(self):
        """Start the process that forks, where there is none, it is worth it, and it has not failed before."""
        if self.forker is not None or not self.is_worth_it:
            return
        script = os.path.join(os.path.dirname(__file__), "python_program" + os.path.splitext(__file__)[1])
        forker = Forker(["python3", script], self.source, env=environment(os.getcwd()))
        self.is_worth_it = bool(forker.state)
        if self.is_worth_it:
            self.forker = forker
        else:
            forker.close()

    def start(self, job, give, folder):
        """The process of a case."""
        if self.forker is None or not self.can_fork(give):
            return super().start(job, give, folder)
        words = [folder, self.entry, *give.get("argv", ())]
        stdin = give.get("stdin", "").encode("utf-8", "surrogatepass")
        return self.forker.fork(b"\0".join(os.fsencode(word) for word in words), stdin)

    def end_others(self):
        """Kill every process that a case left, and the one that forks where the case has changed it."""
        if self.forker is None:
            super().end_others()
            return
        kill_all_but(self.forker.process.pid)
        if not self.forker.is_unchanged():
            self.forker.close()
            self.forker = None


def main():
    """Serve one job: the whole life of a container."""
    job = read_job()
    report = Report(claim_stdout(), job["nonce"])
    report.send("taken")
    program.serve(job, report, Forks(job))


if __name__ == "__main__":
    main()
