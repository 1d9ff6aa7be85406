"""Hostile files end in a clear line, within 5 s of CPU time and 512 MiB, and keep no other file from being checked."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.files import from_json
from harness.files.canonical import MAX_JSON_VALUES
from harness.schema import validate
from harness.types import Json
from tests.bundle import good_bundle, write_bundle, write_run
from tests.deep import also_deep, deep_but, selected
from tests.hostile import INPUTS, LARGE_INPUTS, MAX_CPU_S, MAX_RESIDENT_BYTES, TOO_LONG_S

SOUND = "a sound bundle"


EVERY_COMMAND = """
import sys
from harness.cli import main

fifo, zeros, sparse, sound = sys.argv[1:]
for path in (fifo, zeros, sparse):
    for command in ("report", "lanes", "publish", "score", "record --dry-run --resume"):
        print(command, main([*command.split(), path]))
    print("compare", main(["compare", sound, path]))
    print("supersedes", main(["publish", sound, "--supersedes", path, "--reason", "long enough to be one"]))
"""


@pytest.fixture(scope="module")
def reports(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Json]:
    """What one process says about every input that a test asks for, and about a sound bundle after them."""
    folder = tmp_path_factory.mktemp("hostile")
    paths = {}
    for number, name in enumerate(selected(request, "name")):
        (folder / str(number)).mkdir()
        paths[name] = INPUTS[name][0](folder / str(number))
    paths[SOUND] = write_bundle(folder / "sound", good_bundle())
    command = [sys.executable, "-m", "tests.hostile", *map(str, paths.values())]
    # BLAS reserves memory for each of the machine's cores.
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(zip(paths, map(json.loads, done.stdout.splitlines()), strict=True))


@pytest.mark.parametrize("name", deep_but([name for name in INPUTS if name not in LARGE_INPUTS], INPUTS))
def test_a_hostile_file_ends_in_a_clear_line_and_costs_little(name: str, reports: dict[str, Json]) -> None:
    report, wanted = reports[name], INPUTS[name][1]
    assert any(re.search(wanted, line) for line in report["findings"]), report["findings"]
    assert report["cpu_s"] < MAX_CPU_S
    assert report["resident_bytes"] < MAX_RESIDENT_BYTES


@also_deep
def test_the_files_after_hostile_ones_are_checked(request: pytest.FixtureRequest, reports: dict[str, Json]) -> None:
    assert list(reports) == [*selected(request, "name"), SOUND]
    assert not [line for line in reports[SOUND]["findings"] if line.startswith(("manifest", "digests", "chain: "))]


def test_every_command_refuses_what_never_ends(tmp_path: Path) -> None:
    """A FIFO, a device and a terabyte of zeros; each in a run folder, too."""
    folders = [write_run(tmp_path / name, good_bundle(1)) for name in ("fifo", "zeros", "sparse", "sound")]
    for folder, name in zip(folders, ("run.json", "result.json", "recordings.jsonl"), strict=False):
        (folder / name).unlink()
    os.mkfifo(folders[0] / "run.json")
    (folders[1] / "result.json").symlink_to("/dev/zero")
    with (folders[2] / "recordings.jsonl").open("wb") as file:
        file.truncate(10**12)
    command = [sys.executable, "-c", EVERY_COMMAND, *map(str, folders)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TOO_LONG_S)
    assert done.returncode == 0, done.stderr[-2000:]
    outcomes = [line.rsplit(" ", 1) for line in done.stdout.splitlines()]
    assert len(outcomes) == 21
    assert {code for _, code in outcomes} <= {"1", "3", "7"}, outcomes


def test_values_are_counted_outside_of_strings_only() -> None:
    text = json.dumps(['[{,\\"' * (MAX_JSON_VALUES // 2), 1])
    assert from_json(text) == json.loads(text)
    with pytest.raises(ValueError, match="more than 2000000 values"):
        from_json("[" + "0," * MAX_JSON_VALUES + "0]")
    with pytest.raises(ValueError, match="Unterminated string"):
        from_json('["' + '\\"' * 100_000 + "," * MAX_JSON_VALUES)


def test_a_large_invalid_document_has_its_first_problem_explained() -> None:
    result = good_bundle().result | {"trials": [{}] * 30_000}
    (problem,) = validate("result", result)
    assert problem.message == "$.trials[0].model: required field is missing"
