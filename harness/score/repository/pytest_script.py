"""Runs a repository's tests by id inside a container and writes one line for each; the kit imports nothing of it.

The host sends this file with a job and a JSON object on standard input: the test files, the ids ([] for all), the order
of their run, the folders to import from, environment variables and a token. Python starts anew with those variables,
since its hash seed and its locale are read once. Whatever the tests print goes nowhere: standard output has the lines
[token, id, outcome, message] alone, so that the host can count that each test ended exactly once.
"""

import sys

sys.path[:1] = []
"""This script's folder: a module of the repository must not stand in the way of the library."""

import json  # noqa: E402
import os  # noqa: E402
from typing import Any  # noqa: E402

MAX_MESSAGE_CHARS = 300
IGNORED_OPTIONS = ("addopts=", "filterwarnings=", "required_plugins=")
"""Options of the repository's configuration that are left empty. They name plugins that only measure or split the run,
and turn the warnings of a newer Python into failures."""


class Lines:
    """Selects the tests, and writes a line for each when it has ended; registered as a plugin."""

    def __init__(self, spec: dict[str, Any], output: int) -> None:
        self.spec, self.output, self.outcome, self.message = spec, output, "passed", ""

    def pytest_collection_modifyitems(self, config: Any, items: list[Any]) -> None:
        """Keep the tests with these ids, in this order."""
        wanted = {name: place for place, name in enumerate(self.spec["tests"])}
        if wanted:
            config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in wanted])
            items[:] = [item for item in items if item.nodeid in wanted]
        if self.spec["ordered"]:
            items.sort(key=lambda item: wanted[item.nodeid])

    def pytest_collectreport(self, report: Any) -> None:
        """Write why a file cannot be collected."""
        if report.failed:
            self.write(report.nodeid, "not collected", message_of(report))

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Take the worst of a test's three phases."""
        if hasattr(report, "wasxfail"):
            self.outcome = "xfailed" if report.skipped else "xpassed"
        elif not report.passed:
            self.outcome, self.message = report.outcome, message_of(report)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Write the line of a test."""
        self.write(nodeid, self.outcome, self.message)
        self.outcome, self.message = "passed", ""

    def write(self, *fields: str) -> None:
        """Write one line."""
        os.write(self.output, (json.dumps([self.spec["token"], *fields]) + "\n").encode())


def message_of(report: Any) -> str:
    """What a report says of a failure: the exception, else the end of the text."""
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash is not None else str(report.longrepr)
    return str(text)[-MAX_MESSAGE_CHARS:]


def cpu_seconds() -> float:
    """The CPU time of this process and of those that it waited for: the time on the clock depends on other programs."""
    return sum(os.times()[:4])


def start_anew() -> None:
    """Execute this script again with the variables of the object on standard input, which it passes on."""
    spec = json.load(sys.stdin)
    descriptor = os.memfd_create("spec", 0)
    os.write(descriptor, json.dumps(spec).encode())
    command = [sys.executable, "-s", __file__, str(descriptor)]
    os.execve(sys.executable, command, {**os.environ, **spec["env"]})


def run(descriptor: int) -> None:
    """Run the tests; the process ends without another word of the repository's code."""
    with open(descriptor, "rb") as file:
        file.seek(0)
        spec = json.load(file)
    output, null = os.dup(1), os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    folder = os.getcwd()
    sys.path[:0] = spec["libraries"]
    import pytest

    sys.path[:0] = [os.path.join(folder, path) for path in spec["paths"]]
    options = [word for option in IGNORED_OPTIONS for word in ("-o", option)]
    lines = Lines(spec, output)
    arguments = ["-q", "--tb=short", "-p", "no:cacheprovider", "-p", "no:randomly", f"--rootdir={folder}", *options]
    began = cpu_seconds()
    pytest.main([*arguments, "--continue-on-collection-errors", *spec["files"]], [lines])
    lines.write("", "ended", f"{cpu_seconds() - began:.3f}")
    os._exit(0)


if __name__ == "__main__":
    run(int(sys.argv[1])) if len(sys.argv) > 1 else start_anew()
