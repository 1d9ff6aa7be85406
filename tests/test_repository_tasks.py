"""What tasks about a repository's change share: packages that can be named, diffs, prompts, and answers that cheat."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from harness.cli import main
from harness.errors import DownloadError, TaskError
from harness.languages import names_package
from harness.mining.requirements import read_requirements
from harness.repository_tasks import (
    JAVASCRIPT,
    LIMITS,
    PYTHON,
    SYSTEM,
    Ecosystem,
    WrongEntry,
    cheating_changes,
    diff_answer,
    files_and_format,
    write_with_answers,
)
from harness.sandbox import open_sandbox, resolve_npm, resolve_packages
from harness.score import TestBed, TestRun, run_tests
from harness.score.kinds.repository import apply_to_repository
from harness.tasks import find_fixtures, load_tasks, require_scorable
from harness.trees import run_git
from harness.types import Json
from tests.samples import task_of, variant_of

SOURCE = "def add(a, b):\n    return a + b\n"
CASES = '[{"id": "fixed/1", "give": {"tests": ["calc.py::test"]}, "expect": {"outcome": "passed"}}]\n'
SCRIPT = "exports.add = (a, b) => a + b\n"


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("src/own.py", None),
        ("src/pkg/types.py", None),
        ("src/unittest.py", "stands in the way of a module that the tests use"),
        ("src/six.py", "stands in the way of a module that the tests use"),
        ("src/conftest.py", "new files may only be modules beside the given files"),
        ("own.py", "new files may only be modules beside the given files"),
    ],
)
def test_a_new_module_stands_in_nothings_way(path: str, why: str | None) -> None:
    settings: Json = {"given": ["src/calc.py", "src/pkg/add.py"], "paths": ["src", "."], "packages": ["six==1.16.0"]}
    task = task_of("mined", scorer="repository", **settings)
    files = dict.fromkeys(("src/calc.py", "src/pkg/add.py"), SOURCE)
    variant = replace(variant_of(task), files=files)
    _, result = apply_to_repository(f"`{path}`:\n\n```python\n{SOURCE}```\n", variant)
    assert [error.partition(": ")[2] for error in result.errors] == ([why] if why else [])
    assert (path in result.files) is (why is None)


@pytest.mark.parametrize("example", ["```python\n# demo.py\nadd(1, 2)\n```", "```bash\n# setup.sh\npytest\n```"])
def test_an_example_beside_an_edit_is_no_new_file(example: str) -> None:
    task = task_of("mined", scorer="repository", given=["src/calc.py"], paths=["src"])
    variant = replace(variant_of(task), files={"src/calc.py": SOURCE})
    block = "<<<<<<< SEARCH\n    return a + b\n=======\n    return b + a\n>>>>>>> REPLACE\n"
    _, result = apply_to_repository(f"src/calc.py\n{block}\n{example}\n", variant)
    assert (result.errors, result.changed) == ((), ("src/calc.py",))


@pytest.mark.parametrize(
    ("text", "npm", "is_named"),
    [
        ("zope.interface==6.0", False, True),
        ("a==1!2.0+cpu", False, True),
        ("a>=1", False, False),
        ("a==1\n--no-index", False, False),
        ("--only-binary=:none:", False, False),
        ("/tmp/a==1", False, False),
        ("@types/node@22.1.0", True, True),
        ("a/node_modules/@b/c@1.0.0-rc.1+x", True, True),
        ("string-width-cjs@npm:string-width@4.2.3", True, True),
        ("a@git+https://example.org/a", True, False),
        ("a@file:../a", True, False),
        ("../../x@npm:left-pad@1.3.0", True, False),
        ("/tmp/x@npm:left-pad@1.3.0", True, False),
        ("-g@1.0.0", True, False),
        ("a/node_modules/..@1.0.0", True, False),
    ],
)
def test_a_package_is_named_by_its_name_and_version_alone(text: str, npm: bool, is_named: bool) -> None:
    assert names_package(text, npm=npm) is is_named


def test_a_lock_file_gives_pip_no_options() -> None:
    lock = '[[package]]\nname = "x==1\\n--no-index\\n#"\nversion = "2"\n[[package]]\nname = "y"\nversion = "3.0"\n'
    assert read_requirements({"uv.lock": lock}).pins == ("y==3.0",)
    assert read_requirements({"uv.lock": "package = 5\npackages = [5]\n"}).pins == ()
    with pytest.raises(DownloadError, match="does not name a package and its version"):
        resolve_packages(["y"], ["x==1\n--no-index"], "x86_64")


def test_a_package_of_a_git_repository_is_refused_and_npm_does_not_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    npm = tmp_path / "npm"
    lock = '{"packages": {"": {}, "node_modules/a": {"version": "git+file:///srv/a"}}}'
    npm.write_text(
        f"#!/bin/sh\necho \"$GIT_ALLOW_PROTOCOL $*\" >> {tmp_path}/calls\necho '{lock}' > package-lock.json\n"
    )
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(DownloadError, match=r"the package a is not a registry's: its version is 'git\+file:///srv/a'"):
        resolve_npm({"a": "*"}, None)
    (call,) = (tmp_path / "calls").read_text().splitlines()
    assert call.startswith("none install")
    assert "--ignore-scripts" in call


def test_packages_of_a_task_are_names_and_nothing_that_a_client_would_obey(tmp_path: Path) -> None:
    scorer = '[scorer]\nkind = "repository"\ngiven = ["calc.py"]\npackages = ["--only-binary=:none:", "six==1.16.0"]\n'
    texts = {
        "system.md": SYSTEM,
        "prompt.md": "Mend it.\n",
        "solution/answer.md": "Done.\n",
        "cases.json": CASES,
        "files/calc.py": SOURCE,
    }
    manifest = (
        f'title = "A change"\nsuites = ["mined"]\ntags = ["code"]\nlanguage = "python"\nbudget_tokens = 64\n{scorer}'
    )
    fails: dict[str, tuple[str, ...] | str] = {
        "one": "*",
        "two": ("applied",),
        "three": ("canary",),
        "four": ("fixed/1",),
    }
    wrong = [WrongEntry(name, f"{name}\n", checks) for name, checks in fails.items()]
    write_with_answers(tmp_path / "mined", texts, manifest, wrong)
    with pytest.raises(TaskError, match=r"packages\[0\].*only-binary"):
        require_scorable(load_tasks([tmp_path / "mined"]))


def test_a_partial_clone_fetches_nothing_and_starts_no_command_of_its_own(tmp_path: Path) -> None:
    whole, marker = tmp_path / "whole", tmp_path / "started"
    subprocess.run(["git", "init", "-q", str(whole)], check=True)
    (whole / "a.txt").write_text("text\n")
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    for words in (["add", "a.txt"], [*identity, "commit", "-qm", "Begin"]):
        subprocess.run(["git", "-C", str(whole), *words], check=True)
    blob = run_git(whole, ["rev-parse", "HEAD:a.txt"]).decode().strip()
    (whole / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    for name, value in (
        ("core.repositoryFormatVersion", "1"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.url", "ssh://nowhere.invalid/a"),
        ("remote.origin.promisor", "true"),
        ("core.sshCommand", f"touch {marker};"),
    ):
        subprocess.run(["git", "-C", str(whole), "config", name, value], check=True)
    with pytest.raises(TaskError, match="git cat-file failed"):
        run_git(whole, ["cat-file", "blob", blob])
    assert not marker.exists()


def test_what_is_mined_never_stands_among_the_public_tasks(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["tasks", "mine", str(tmp_path), str(find_fixtures() / "mined")]) == TaskError.exit_code
    assert "holds the kit's own tasks" in capsys.readouterr().err
    assert not (find_fixtures() / "mined").exists()


def test_a_diff_has_the_lines_that_a_patch_has() -> None:
    before = {"calc.py": "# one\x0c\n# two\u2028still two\nold = 1\n"}
    answer = diff_answer(before, {"calc.py": before["calc.py"].replace("old", "new")})
    assert " # one\x0c\n # two\u2028still two\n-old = 1\n+new = 1\n" in answer


def test_a_prompt_offers_new_modules_only_where_they_are_taken() -> None:
    tree = {"calc.py": SOURCE, "calc/add.py": SOURCE}
    assert "add modules" not in files_and_format(tree, ["calc.py"], "python")
    assert "add modules beside those in a folder" in files_and_format(tree, ["calc.py", "calc/add.py"], "python")


def silenced(ecosystem: Ecosystem, tree: Mapping[str, str], given: str) -> dict[str, str]:
    """A tree with the cheat that takes assertions away."""
    changes = cheating_changes(ecosystem, tree, [given], ())["silenced"]
    return {**tree, **{path: text for path, text in changes.items() if text is not None}}


@pytest.mark.engine
def test_a_python_answer_that_silences_assertions_is_found_by_the_canary() -> None:
    test = "import unittest\nimport calc\n\n\nclass Add(unittest.TestCase):\n    def test(self):\n"
    tree = {"calc.py": SOURCE.replace("+", "-"), "test_calc.py": f"{test}        self.assertEqual(calc.add(1, 2), 3)\n"}
    with open_sandbox("test-silenced", print, ["python"]) as sandbox:
        for files, ends in ((tree, ("failed", "failed")), (silenced(PYTHON, tree, "calc.py"), ("passed", "passed"))):
            (run,) = run_tests(TestBed(files, ("test_calc.py",), limits=LIMITS), [TestRun()], sandbox)
            assert (run.of("test_calc.py::Add::test"), run.canary) == ends


@pytest.mark.engine
def test_a_javascript_answer_that_silences_assertions_is_found_by_the_canary() -> None:
    test = "const test = require('node:test')\nconst assert = require('assert')\nconst { add } = require('./calc.js')\n"
    test += "test('adds', () => assert.strictEqual(add(1, 2), 3))\n"
    tree = {"calc.js": SCRIPT.replace("+", "-"), "calc.test.js": test}
    with open_sandbox("test-silenced", print, ["javascript"]) as sandbox:
        for files, ends in (
            (tree, ("failed", "failed")),
            (silenced(JAVASCRIPT, tree, "calc.js"), ("passed", "not run")),
        ):
            (run,) = run_tests(TestBed(files, ("calc.test.js",), runner="node", limits=LIMITS), [TestRun()], sandbox)
            assert (run.of("calc.test.js::adds"), run.canary) == ends
