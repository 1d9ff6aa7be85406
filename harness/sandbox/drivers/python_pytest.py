"""Fork a process that has pytest loaded for each run of a model's tests; the driver tests.py starts and controls this.

To load pytest takes three times as long as to run the tests of one module. So this process loads it once and forks. It
is executed anew, without the job: a fork's memory holds nothing of the other modules that the tests are run on.

A request (python_forker.py) is a JSON object with the folder of a run, its file of tests and a token.
"""

import gc
import json
import os
import sys

import pytest
from _pytest.config import get_config

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from python_forker import serve

# The tests import nothing of the drivers.
del sys.path[0]

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


def run_tests(folder, file, token):
    """Run the tests and write how many passed and failed, as the last line, with the token that only the driver knows.

    A file that ends the process has no such line.
    """
    os.chdir(folder)
    os.environ |= {"HOME": folder, "TMPDIR": "/tmp"}
    sys.argv, sys.path[:0], sys.executable = [file], [folder], "/usr/bin/python3"
    output, results = os.dup(1), Results()
    status = pytest.main([*ARGUMENTS, file], [results])
    summary = {"token": token, "passed": results.passed, "failed": results.failed}
    sys.stdout.flush()
    os.write(output, ("\n" + json.dumps(summary)).encode())
    os._exit(status)


def main():
    """Serve until the driver ends; in each fork, run tests."""
    load_plugins()
    run_tests(**json.loads(serve(int(sys.argv[1]))))


main()
