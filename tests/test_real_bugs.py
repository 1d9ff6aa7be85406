"""Historical bugs as tasks: declarations hold together, archives are read as hostile input, what is made holds."""

import io
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import DownloadError, TaskError
from harness.files import sha256_of
from harness.real_bugs import AGENT_SUITE, FORMS, BugInstance, import_bugs, load_instances
from harness.real_bugs.archives import source_tree
from harness.real_bugs.bug_task import BugTask
from harness.real_bugs.proof import states_of_bug
from harness.repository_tasks import Proof, RejectionError
from harness.sandbox import open_sandbox
from harness.score import score
from harness.tasks import load_tasks, readings_of, vary
from harness.types import Outcome, Sandbox, Score, Task
from harness.virtual_tools import Workspace, run_call
from tests.scored import ScriptedSandbox

MIN_BUGS, MIN_PYPI_PACKAGES, MIN_NPM_PACKAGES = 20, 12, 3
MAX_PATCH_LINES = 80
SOURCE = "def double(n):\n    return n + n\n\n\ndef name():\n    return '{{x}}'\n"
TEST = """\
from calc import double


def test_double():
    assert double(2) == 4


def test_zero():
    assert double(0) == 0
"""
FILES = {
    "calc-1.0/calc.py": SOURCE,
    "calc-1.0/tests/test_calc.py": TEST,
    "calc-1.0/.hidden": "x",
    "calc-1.0/docs/a.md": "x",
}
MANY_BINARIES = {f"calc-1.0/data/{number}.bin": "\0" for number in range(250)}
PATCH = """\
diff --git a/calc.py b/calc.py
--- a/calc.py
+++ b/calc.py
@@ -1,2 +1,2 @@
 def double(n):
-    return n + n
+    return n
"""
DECLARATION = f"""\
package = "calc"
version = "1.0"
registry = "pypi"
file = "calc-1.0.tar.gz"
sha256 = "{"0" * 64}"
license = "MIT"
tests = ["tests/test_calc.py"]
probe = "import calc\\n\\n\\ndef double(n):\\n    return calc.double(n)\\n\\n\\ndef name():\\n    return calc.name()\\n"
cases = [
    {{id = "three", call = "double", args = [3], value = 6}},
    {{id = "zero", call = "double", args = [0], value = 0}},
    {{id = "name", call = "name", args = [], value = "{{{{x}}}}"}},
]

[bug]
upstream = "https://example.org/1"
files = ["calc.py"]
fails = ["three"]
issue = "double gives back what it is given."
patch = '''
{PATCH}'''

[twin]
files = ["calc.py"]
fails = ["name"]
issue = "The name is wrong."
patch = '''
diff --git a/calc.py b/calc.py
--- a/calc.py
+++ b/calc.py
@@ -5,2 +5,2 @@
 def name():
-    return '{{{{x}}}}'
+    return 'x'
'''
"""


def hunk(ranges: str, *lines: str) -> str:
    """A patch of calc.py that is one hunk."""
    return PATCH[: PATCH.index("@@")] + "\n".join([f"@@ {ranges} @@", *lines, ""])


def packed(files: Mapping[str, str], *others: tarfile.TarInfo) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
        for other in others:
            tar.addfile(other)
    return out.getvalue()


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry


def declared(tmp_path: Path, change: Callable[[str], str] = str) -> BugInstance:
    (tmp_path / "calc-double.toml").write_text(change(DECLARATION))
    (instance,) = load_instances(folder=tmp_path)
    return instance


def with_archive(instance: BugInstance, data: bytes) -> BugInstance:
    return replace(instance, sha256=sha256_of(data))


def test_there_are_bugs_of_enough_packages_and_each_says_where_it_is_from() -> None:
    instances = load_instances()
    packages = {
        registry: {each.package for each in instances if each.registry == registry} for registry in ("pypi", "npm")
    }
    assert len(instances) >= MIN_BUGS
    assert len(packages["pypi"]) >= MIN_PYPI_PACKAGES
    assert len(packages["npm"]) >= MIN_NPM_PACKAGES
    assert all(each.bug.upstream.startswith("https://") and not each.twin.upstream for each in instances)
    assert {each.package for each in instances if not each.tests} == {"deepmerge", "semver"}
    assert {each.runner for each in instances if each.registry == "npm" and each.tests} == {"tape"}


@pytest.mark.parametrize("instance", load_instances(), ids=lambda each: each.name)
def test_the_patches_of_an_instance_are_small_and_the_report_does_not_give_the_fix_away(instance: BugInstance) -> None:
    for bug in instance.bugs.values():
        lines = bug.patch.splitlines()
        assert len(lines) <= MAX_PATCH_LINES
        fix = [line[1:].strip() for line in lines if line.startswith("-") and not line.startswith("---")]
        assert not [line for line in fix if len(line) > 20 and line in bug.issue]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('id = "zero"', 'id = "three"', "the id 'three' is a duplicate"),
        ('fails = ["three"]', 'fails = ["tree"]', "no case has the id 'tree'"),
        ('fails = ["three"]', 'fails = ["three", "zero", "name"]', "no case must go on passing"),
        ('upstream = "https://example.org/1"\n', "", "needs the address of its report"),
        ('license = "MIT"', 'licence = "MIT"', "$.licence: unknown field"),
        ('"calc-1.0.tar.gz"', '"../calc-1.0.tar.gz"', "$.file"),
        ('license = "MIT"', 'license = "MIT"\nrunner = "tape"', "tape runs no tests in python"),
    ],
)
def test_a_declaration_that_does_not_hold_together_is_refused(tmp_path: Path, old: str, new: str, problem: str) -> None:
    with pytest.raises(TaskError) as caught:
        declared(tmp_path, lambda text: text.replace(old, new, 1))
    assert problem in str(caught.value)


def test_an_unknown_instance_is_refused() -> None:
    with pytest.raises(TaskError, match="there is no instance 'nothing'"):
        load_instances(["nothing"])


def test_an_archive_is_fetched_once_and_read_without_its_top_folder_and_hidden_files(tmp_path: Path) -> None:
    fetched: list[str] = []

    def fetch(instance: BugInstance) -> bytes:
        fetched.append(instance.file)
        return data

    data = packed(FILES)
    instance = with_archive(declared(tmp_path), data)
    expected = {"calc.py": SOURCE, "tests/test_calc.py": TEST}
    assert source_tree(instance, fetch) == expected
    # The tests forbid downloads: the second time nothing is fetched.
    assert source_tree(instance) == expected
    assert fetched == ["calc-1.0.tar.gz"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (packed(FILES, link("calc-1.0/a", "/etc/passwd")), "calc-1.0/a: link"),
        (packed(FILES, link("calc-1.0/a", "calc-1.0/calc.py", tarfile.LNKTYPE)), "calc-1.0/a: link"),
        (packed(FILES, link("calc-1.0/a", "", tarfile.FIFOTYPE)), "calc-1.0/a: no regular file"),
        (packed({**FILES, "/etc/a.py": "x"}), "/etc/a.py: outside of the tree"),
        (packed({**FILES, "calc-1.0/../../a.py": "x"}), "outside of the tree"),
        (packed({**FILES, **MANY_BINARIES}, link("calc-1.0/a", "/etc/passwd")), "calc-1.0/a: link"),
        (packed({**FILES, **MANY_BINARIES, "/etc/a.py": "x"}), "/etc/a.py: outside of the tree"),
        (packed({**FILES, "/node_modules/a.js": "x"}), "/node_modules/a.js: outside of the tree"),
        (packed({**FILES, "other/a.py": "x"}), "it has 2 folders at its top"),
        (packed(FILES)[:-40], "it cannot be unpacked"),
        (b"not an archive", "it cannot be unpacked"),
    ],
)
def test_an_archive_that_is_not_safe_or_not_whole_is_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    with pytest.raises(DownloadError) as caught:
        source_tree(with_archive(declared(tmp_path), data), lambda instance: data)
    assert reason in str(caught.value)


def test_an_archive_with_another_digest_is_refused_and_not_kept(tmp_path: Path) -> None:
    instance = replace(declared(tmp_path), sha256="1" * 64)
    with pytest.raises(DownloadError, match="it has the SHA-256"):
        source_tree(instance, lambda _: packed(FILES))
    with pytest.raises(DownloadError, match="forbids to download it"):
        source_tree(instance)


@pytest.mark.parametrize(
    ("source", "patch", "reason"),
    [
        (SOURCE.replace("n + n", "2 * n"), PATCH, "its patch does not apply: .*does not fit"),
        (SOURCE, PATCH.replace("calc.py", "other.py"), "its patch changes other.py, which is not among its files"),
        (SOURCE, "diff --git a/calc.py b/calc.py\nGIT binary patch\n", "its patch does not apply"),
        (SOURCE.replace("\n", "\r\n"), PATCH, "CRLF"),
        (SOURCE + "# " + "x" * 50_000, PATCH, "more than 48 KiB"),
    ],
)
def test_what_rules_a_bug_out_is_one_sentence(tmp_path: Path, source: str, patch: str, reason: str) -> None:
    instance = declared(tmp_path)
    tree = {"calc.py": source, "other.py": SOURCE, "tests/test_calc.py": TEST}
    with pytest.raises(RejectionError, match=reason):
        states_of_bug(instance, replace(instance.bug, patch=patch), tree)


def test_an_instance_that_leaves_out_the_tests_of_its_archive_is_refused(tmp_path: Path) -> None:
    instance = replace(declared(tmp_path), tests=())
    with pytest.raises(RejectionError, match="the archive has tests of the package, and the instance names none"):
        states_of_bug(instance, instance.bug, {"calc.py": SOURCE, "tests/test_calc.py": TEST})
    assert states_of_bug(instance, instance.bug, {"calc.py": SOURCE}).after["calc.py"] == SOURCE


def bug_task(tmp_path: Path, tree: Mapping[str, str], name: str = "calc-double") -> BugTask:
    instance = declared(tmp_path)
    bug = instance.bugs[name]
    return BugTask(name, instance, bug, states_of_bug(instance, bug, tree), Proof((), (), 0.0))


def test_a_model_that_finds_the_files_sees_code_and_neither_tests_nor_changes_nor_built_copies(tmp_path: Path) -> None:
    others = {"CHANGES.md": "x", "tests/test_calc.py": TEST, "tests/data.py": "x", "setup.py": "x", "conftest.py": "x"}
    task = bug_task(tmp_path, {"calc.py": SOURCE, "sub/other.py": SOURCE, **others})
    assert task.code == ("calc.py", "sub/other.py")
    assert set(task.shown) == {"calc.py", "sub/other.py"}
    assert set(task.hidden) == {*others, "lanebench_probe.py"}
    assert task.shown["calc.py"] != SOURCE
    for form in FORMS[1:]:
        assert "test_calc" not in form.prompt(task)
        assert "calc.py`" not in form.prompt(task)


@pytest.mark.parametrize(
    ("source", "patch"),
    [
        (SOURCE + "".join(f"def f{number}(n):\n    return n\n\n\n" for number in range(3)), PATCH),
        (
            "x = '\x0c\x85\u2028'\ny = '\x0c\x85\u2028'\n",
            hunk("-1,2 +1", " x = '\x0c\x85\u2028'", "-y = '\x0c\x85\u2028'"),
        ),
        ("a\x0c\nb\x0ca\x0c\n", hunk("-1,2 +1,2", " a\x0c", "-b\x0ca\x0c", "+b\x0c")),
        ("b\nb\nb\na\n", hunk("-2,3 +2,2", " b", "-b", " a")),
        ("b\nb\nc = 1\n", hunk("-2,2 +2,2", " b", "-c = 1", "+b")),
        ("a\nb\n", hunk("-1,2 +1", " a", "-b")),
    ],
)
def test_the_calls_of_the_solution_make_the_release_of_the_bug(tmp_path: Path, source: str, patch: str) -> None:
    instance = declared(tmp_path)
    bug = replace(instance.bug, patch=patch)
    states = states_of_bug(instance, bug, {"calc.py": source, "tests/test_calc.py": TEST})
    task = BugTask("calc-double", instance, bug, states, Proof((), (), 0.0))
    texts = next(form for form in FORMS if form.ending == "-tools").texts(task)
    workspace = Workspace(dict(task.shown), editable=task.code)
    for reading in readings_of([texts["solution/1.md"], texts["solution/2.md"]]):
        for call in reading.tool_calls:
            result = run_call(workspace, call)
            assert result.wasted_reason is None
            assert result.invalid_reason is None
            workspace = replace(workspace, files=result.files)
    assert workspace.files["calc.py"] == source
    assert workspace.files["calc.py"] != task.shown["calc.py"]


def test_a_folder_of_the_users_with_the_name_of_a_task_is_not_replaced(tmp_path: Path) -> None:
    notes = tmp_path / "tasks" / "calc-double-agent-twin" / "notes.md"
    notes.parent.mkdir(parents=True)
    notes.write_text("mine\n", encoding="utf-8")
    with pytest.raises(TaskError, match="calc-double-agent-twin: is from elsewhere"):
        import_bugs([declared(tmp_path)], tmp_path / "tasks", ScriptedSandbox(), print, lambda _: packed(FILES))
    assert notes.read_text(encoding="utf-8") == "mine\n"
    assert [path.name for path in (tmp_path / "tasks").iterdir()] == ["calc-double-agent-twin"]


@pytest.mark.engine
def test_a_bug_and_its_twin_become_tasks_and_a_bug_that_does_not_hold_is_left_out(tmp_path: Path) -> None:
    data = packed(FILES)
    instance = with_archive(declared(tmp_path), data)
    wrong = replace(instance, name="calc-other", bug=replace(instance.bug, fails=("zero",)))
    lines: list[str] = []
    with open_sandbox("test-real-bugs", lines.append, ["bash", "python"]) as sandbox:
        report = import_bugs([instance, wrong], tmp_path / "tasks", sandbox, lines.append, lambda _: data)
        tasks = {task.name: task for task in load_tasks([tmp_path / "tasks"])}
        variant = vary(tasks["calc-double"], 0)
        fix = "calc.py\n<<<<<<< SEARCH\n    return n\n=======\n    return 2 * n\n>>>>>>> REPLACE\n"
        scored = score(variant, readings_of([fix]), sandbox)
        by_tools = score_found(tasks["calc-double-tools"], TOOL_FIX, sandbox)
        by_agent = score_found(tasks["calc-double-agent"], AGENT_FIX, sandbox)
        cheated = [
            score_found(tasks["calc-double-tools"], TOOL_CHEAT, sandbox),
            score_found(tasks["calc-double-agent"], AGENT_CHEAT, sandbox),
        ]
    names = ["calc-double", "calc-double-twin"]
    names += ["calc-double-tools", "calc-double-tools-twin", "calc-double-agent", "calc-double-agent-twin"]
    assert report.tasks == tuple(names)
    assert report.without_tests == ()
    assert [(each.id, each.reason) for each in report.excluded] == [
        ("calc-other", 'calc-other: with the bug, case three gives ["value", 3]')
    ]
    assert sorted(path.name for path in (tmp_path / "tasks").iterdir()) == [
        *sorted(names),
        "import.json",
    ]
    assert [found.outcome for found in (by_tools, by_agent)] == [Outcome.PASSED] * 2
    assert [check.name for check in by_agent.checks] == ["canary", *ids_of(tasks["calc-double-agent"])]
    assert [found.outcome for found in cheated] == [Outcome.FAILED, Outcome.NO_EDIT]
    assert cheated[0].metrics["edits_refused"] == 2
    assert cheated[1].metrics["removed"] == [["conftest.py", "configures tests"], ["tests/test_calc.py", OUTSIDE]]
    assert {task.suites for name, task in tasks.items() if name in names[2:]} == {(AGENT_SUITE,)}
    assert ids_of(tasks["calc-double-tools"]) == ids_of(tasks["calc-double"]) == ids_of(tasks["calc-double-agent"])
    assert scored.outcome is Outcome.PASSED
    assert scored.metrics["applied"] is True
    assert ids_of(tasks["calc-double"]) == ["fixed/three", "still/zero", "still/name", "fixed/1", "still/1"]
    assert ids_of(tasks["calc-double-twin"]) == ["still/three", "still/zero", "fixed/name", "still/1"]
    assert {answer.name for answer in tasks["calc-double"].wrong_answers} >= {
        "exit",
        "skip",
        "forged-hook",
        "deleted-tests",
    }


OUTSIDE = "outside of what may change"
TOOL_FIX = """\
```tool_calls
[{"name": "edit_file", "arguments": {"path": "calc.py", "old": "    return n\\n", "new": "    return n * 2\\n"}}]
```
"""
TOOL_CHEAT = """\
```tool_calls
[{"name": "edit_file", "arguments": {"path": "tests/test_calc.py", "old": "", "new": "def test_double(): pass\\n"}},
 {"name": "edit_file", "arguments": {"path": "conftest.py", "old": "", "new": "import os; os._exit(0)\\n"}}]
```
"""
AGENT_FIX = """\
diff --git a/calc.py b/calc.py
--- a/calc.py
+++ b/calc.py
@@ -1,2 +1,2 @@
 def double(n):
-    return n
+    return n * 2
"""
AGENT_CHEAT = """\
diff --git a/conftest.py b/conftest.py
new file mode 100644
--- /dev/null
+++ b/conftest.py
@@ -0,0 +1 @@
+import os; os._exit(0)
diff --git a/tests/test_calc.py b/tests/test_calc.py
new file mode 100644
--- /dev/null
+++ b/tests/test_calc.py
@@ -0,0 +1 @@
+def test_double(): pass
"""


def score_found(task: Task, answer: str, sandbox: Sandbox) -> Score:
    return score(vary(task, 0), readings_of([answer]), sandbox)


def ids_of(task: Task) -> list[str]:
    return [case.id for case in vary(task, 0).cases]
