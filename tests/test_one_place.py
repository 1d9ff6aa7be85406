"""Each kind of addition touches one place: here it is made in a copy of the tree, and the kit lists or uses it.

A task is a folder, a server kind a TOML file, a language a record with its driver and its stage of Dockerfile.scorer,
a scorer kind a module with its row, a report section a function with its row, a run option one declaration.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.files import ROOT
from tests.bundle import good_bundle, write_bundle

TASK = "code-bugfix"
MODEL = """
[[models]]
label = "m"
server = "openai"
base_url = "http://127.0.0.1:9/v1"
model = "m"
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the kit with a single task."""
    copy = tmp_path / "tree"
    shutil.copytree(ROOT / "harness", copy / "harness")
    shutil.copytree(ROOT / "schemas", copy / "schemas")
    shutil.copytree(ROOT / "fixtures" / TASK, copy / "fixtures" / TASK)
    shutil.copy(ROOT / "Dockerfile.scorer", copy)
    return copy


def run(tree: Path, *arguments: str) -> str:
    """What Python prints when it runs these arguments with the copy as the kit; `tests` are this checkout's."""
    path = f"{tree}{os.pathsep}{ROOT}"
    environment = {**os.environ, "PYTHONPATH": path, "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=tree, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def lanebench(tree: Path, *arguments: str) -> str:
    return run(tree, "-m", "harness", *arguments)


RUN_EACH = """
import contextlib, io, json, sys
from harness.cli import main

outputs = []
for arguments in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(io.StringIO()) as output:
        assert main(arguments) == 0
    outputs.append(output.getvalue())
print(json.dumps(outputs))
"""


def lanebench_each(tree: Path, *commands: Sequence[str]) -> list[str]:
    """What each command prints; one process runs all of them."""
    outputs = json.loads(run(tree, "-c", RUN_EACH, json.dumps(commands)))
    assert len(outputs) == len(commands)
    return list(outputs)


def insert(path: Path, text: str, *, before: str) -> None:
    """Put a text before the last occurrence of another."""
    head, found, tail = path.read_text(encoding="utf-8").rpartition(before)
    assert found, f"{path} has no {before!r}"
    path.write_text(f"{head}{text}{found}{tail}", encoding="utf-8")


def add_task(tree: Path, name: str, old: str = "", new: str = "") -> None:
    """A task as a user makes one: a copy of another folder, with a line of its recipe changed."""
    folder = tree / "fixtures" / name
    shutil.copytree(tree / "fixtures" / TASK, folder)
    text = (folder / "task.toml").read_text(encoding="utf-8")
    assert old in text
    (folder / "task.toml").write_text(text.replace(old, new, 1) if old else text, encoding="utf-8")


def test_a_task_is_a_folder(tree: Path) -> None:
    add_task(tree, "brand-new")
    for listed in lanebench_each(tree, ["tasks", "list"], ["tasks", "list", "--suite", "demo"]):
        assert "brand-new" in listed


LOAD_SERVER = """
from pathlib import Path
from harness.config import load_config
from harness.servers import get_server_kind

(model,) = load_config(Path("bench.toml")).models
print(get_server_kind(model.server).name)
"""


def test_a_server_kind_is_a_toml_file(tree: Path) -> None:
    openai = next((tree / "harness" / "servers").rglob("openai.toml"))
    shutil.copy(openai, openai.with_name("brand-new.toml"))
    (tree / "bench.toml").write_text(MODEL.replace("openai", "brand-new"))
    assert run(tree, "-c", LOAD_SERVER) == "brand-new\n"


LANGUAGE = r"""
LUA = Language(
    name="lua",
    labels=("lua",),
    extensions=(".lua",),
    syntax=Syntax(definition=r"\bfunction\s+NAME\b", code_line=r"^local\s+function\b", possible_line=r"^\s|^end"),
    runtime=Runtime(calls_driver=python_driver("lua_calls"), run=("lua", "{entry}"), load=("true",), stage="lua"),
)
"""
NAME_IMAGE = """
from harness.sandbox import image_name
from harness.tasks import find_fixtures, load_tasks

(task,) = load_tasks([find_fixtures()], names=["lua-task"])
print(image_name(task.language))
"""


def test_a_language_is_a_record_with_its_driver_and_its_stage(tree: Path) -> None:
    records = tree / "harness" / "languages" / "records.py"
    insert(records, ", LUA", before=")\n}")
    insert(records, LANGUAGE, before="\nLANGUAGES: ")
    driver = tree / "harness" / "sandbox" / "drivers" / "lua_calls.py"
    driver.write_text('"""Calls the functions of a Lua answer."""\n')
    with (tree / "Dockerfile.scorer").open("a", encoding="utf-8") as file:
        file.write("\nFROM base AS lua\nRUN true\n")
    add_task(tree, "lua-task", 'language = "python"', 'language = "lua"')
    image = run(tree, "-c", NAME_IMAGE)
    assert image.startswith("lanebench-scorer:lua-")
    driver.write_text('"""Another driver, and so another image."""\n')
    assert run(tree, "-c", NAME_IMAGE) != image


SCORER_KIND = '''"""Kind `always`: passes every answer."""

from harness.score.scorer_kind import ScorerKind
from harness.score.verdict import Judgment
from harness.types import Check


def check_names(variant):
    return ("always",)


def score_always(variant, readings, sandbox):
    return Judgment((Check("always", True),))


KIND = ScorerKind(check_names, score_always, settings=lambda task: {}, case=lambda task, case: {})
'''
SCORE = """
from harness.read import read
from harness.score import score
from harness.tasks import find_fixtures, load_tasks, vary
from tests.wire import END, make_recording, text_chunk

(task,) = load_tasks([find_fixtures()], names=["always-right"])
print(score(vary(task, 0), [read(make_recording([(5, text_chunk("x") + END)]))], None).outcome.value)
"""


def test_a_scorer_kind_is_a_module_and_its_row(tree: Path) -> None:
    score = tree / "harness" / "score"
    (score / "kinds" / "always.py").write_text(SCORER_KIND)
    interface = score / "__init__.py"
    insert(interface, "from harness.score.kinds import always\n", before="from harness.score.scorer_kind")
    insert(interface, '    "always": always.KIND,\n', before="}\n")
    add_task(tree, "always-right", 'kind = "calls"', 'kind = "always"')
    assert "; always; " in lanebench(tree, "tasks", "list", "always-right")
    assert run(tree, "-c", SCORE) == "passed\n"


SECTION = """def brand_new(result: Result) -> Section:
    return Section("brand-new", "A brand-new section", f"Run {result.run.id}.")


"""


def test_a_report_section_is_a_function_and_its_row(tree: Path, tmp_path: Path) -> None:
    sections = tree / "harness" / "report" / "sections.py"
    insert(sections, SECTION, before="SECTIONS: ")
    insert(sections, "\n    brand_new,", before="\n)")
    example = write_bundle(tmp_path / "run", good_bundle())
    formats = ("text", "github", "html")
    for report in lanebench_each(tree, *(["report", str(example), "--full", "--format", name] for name in formats)):
        assert "A brand-new section" in report


RUN_OPTION = """    cooldown_s: float = _option(
        3.0, "Seconds without load.", flag="--cooldown", metavar="S", minimum=0, maximum=60
    )
"""
LOAD_SETTINGS = """
from pathlib import Path
from harness.config import load_config
from harness.errors import ConfigError

for path in sorted(Path().glob("*.toml")):
    try:
        print(load_config(path).settings.cooldown_s)
    except ConfigError as error:
        print(error.message)
"""
LOAD_SCHEMA = """
from harness.schema import load_schema

print(load_schema("run")["$defs"]["settings"]["required"])
"""


def test_a_run_option_is_one_declaration(tree: Path) -> None:
    insert(tree / "harness" / "types" / "settings.py", RUN_OPTION, before="    thinking_tokens: int")
    help_text = lanebench(tree, "bench", "--help")
    assert "--cooldown S" in help_text
    assert "Seconds without load. Default: 3.0." in help_text
    for at, line in enumerate(("", "cooldown_s = 12", "cooldown_s = 61")):
        (tree / f"{at}.toml").write_text(f"[run]\n{line}{MODEL}")
    *found, required = run(tree, "-c", LOAD_SETTINGS + LOAD_SCHEMA).splitlines()
    assert len(found) == 3
    assert found[:2] == ["3.0", "12.0"]
    assert "run.cooldown_s" in found[2]
    assert "cooldown_s" in required
