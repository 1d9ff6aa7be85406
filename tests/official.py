"""A repository of our own with instances in the official format of SWE-bench, and an image for them.

`make_repository` commits it, `make_row` writes an instance: what swebench 5 needs for grading stands in the row.
"""

import json
import os
import subprocess
from pathlib import Path

from harness.trees import FinalTree, make_patch
from harness.types import Json

WRONG = 'def add(a, b):\n    return a - b\n\n\ndef braces(name):\n    return f"{{{name}}}"\n'
RIGHT = WRONG.replace("a - b", "a + b")
OLD_TEST = 'from calc import braces\n\n\ndef test_braces():\n    assert braces("x") == "{x}"\n'
NEW_TEST = f"{OLD_TEST}\n\ndef test_add():\n    from calc import add\n\n    assert add(1, 2) == 3\n"
FILES = {"calc.py": WRONG, "test_calc.py": OLD_TEST, "windows.py": "A = 1\r\nB = 2\r\n", "README.md": "A calculator.\n"}
REPOSITORY = "example/calc"
MARKS = "'>>>>> Start Test Output'", "'>>>>> End Test Output'"


def git(folder: Path, *words: str) -> str:
    """What git prints, with no configuration of this machine."""
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "core.autocrlf=false")
    command = ["git", *identity, "-C", str(folder), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout


def make_repository(folder: Path) -> str:
    """Write and commit the files; returns the commit."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "-q")
    for name, text in FILES.items():
        (folder / name).write_bytes(text.encode())
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "Start")
    return git(folder, "rev-parse", "HEAD").strip()


def diff(before: dict[str, str], after: dict[str, str]) -> str:
    """The patch from one state to the other, in git's form."""
    return make_patch(before, FinalTree(after))


def make_row(commit: str, **changes: Json) -> Json:
    """The instance: subtraction instead of addition."""
    test_patch = diff({"test_calc.py": OLD_TEST}, {"test_calc.py": NEW_TEST})
    start, end = (f": {mark}" for mark in MARKS)
    script = [
        "#!/bin/bash",
        "set -uxo pipefail",
        "cd /testbed",
        f"git checkout {commit} test_calc.py",
        f"git apply -v - <<'EOF_1'\n{test_patch}EOF_1",
        start,
        "python3 -m pytest -rA -p no:cacheprovider test_calc.py",
        end,
        f"git checkout {commit} test_calc.py",
    ]
    return {
        "repo": REPOSITORY,
        "instance_id": "example__calc-1",
        "base_commit": commit,
        "patch": diff({"calc.py": WRONG}, {"calc.py": RIGHT}),
        "test_patch": test_patch,
        "problem_statement": "add subtracts\n\n`add(1, 2)` gives -1, and {{braces}} stay.",
        "hints_text": "It is the sign.",
        "created_at": "2026-01-01T00:00:00Z",
        "version": "1.0",
        "FAIL_TO_PASS": json.dumps(["test_calc.py::test_add"]),
        "PASS_TO_PASS": json.dumps(["test_calc.py::test_braces"]),
        "environment_setup_commit": commit,
        "image": "lanebench-test/sweb.eval.x86_64.example_1776_calc-1:latest",
        "eval_script": "\n".join(script) + "\n",
        "log_parser": "parse_log_pytest",
        "eval_type": "pass_and_fail",
        **changes,
    }


def write_rows(path: Path, rows: list[Json]) -> Path:
    """Write the rows as JSONL."""
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path
