"""Hostile files end in a clear line, within 5 s of CPU time and 512 MiB, and keep no other file from being checked."""

import json
import os
import re
import subprocess
import sys

import pytest

from harness.types import Json
from tests.bundle import good_bundle, write_bundle
from tests.hostile import INPUTS, MAX_CPU_S, MAX_RESIDENT_BYTES

SOUND = "a sound bundle"


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Json]:
    """What one process says about every input, and about a sound bundle after them."""
    folder = tmp_path_factory.mktemp("hostile")
    paths = {}
    for number, (name, (make, _)) in enumerate(INPUTS.items()):
        (folder / str(number)).mkdir()
        paths[name] = make(folder / str(number))
    paths[SOUND] = write_bundle(folder / "sound", good_bundle())
    command = [sys.executable, "-m", "tests.hostile", *map(str, paths.values())]
    # BLAS reserves memory for each of the machine's cores.
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(zip(paths, map(json.loads, done.stdout.splitlines()), strict=True))


@pytest.mark.parametrize("name", INPUTS)
def test_a_hostile_file_ends_in_a_clear_line_and_costs_little(name: str, reports: dict[str, Json]) -> None:
    report, wanted = reports[name], INPUTS[name][1]
    assert any(re.search(wanted, line) for line in report["findings"]), report["findings"]
    assert report["cpu_s"] < MAX_CPU_S
    assert report["resident_bytes"] < MAX_RESIDENT_BYTES


def test_the_files_after_hostile_ones_are_checked(reports: dict[str, Json]) -> None:
    assert list(reports) == [*INPUTS, SOUND]
    assert not [line for line in reports[SOUND]["findings"] if line.startswith(("manifest", "digests", "chain: "))]
