"""A run that is killed at any moment and resumed has every trial once; `python -m tests.kill 200` for more."""

import subprocess
import sys
from pathlib import Path

import pytest

from harness.reference import serving
from tests.deep import part_and_whole
from tests.kill import TASKS, find_lost_trials
from tests.samples import model_at
from tests.test_faults import begin, finish


@pytest.mark.parametrize("kills", part_and_whole("1", "10"))
def test_runs_killed_at_random_moments_lose_and_duplicate_no_trial(kills: str) -> None:
    done = subprocess.run([sys.executable, "-m", "tests.kill", kills], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ": 0 problems" in done.stdout


def test_a_lost_trial_is_found(tmp_path: Path) -> None:
    with serving() as server:
        models = (model_at(server.base_url, "plain?ttft_ms=2&tps=5000&tokens=20"),)
        folder = begin(tmp_path, models, TASKS)
        finish(folder, models, TASKS)
    assert find_lost_trials(folder.path, models) == []
    lines = folder.recordings_path.read_text().splitlines(keepends=True)
    folder.recordings_path.write_text("".join(lines[:-1]))
    assert any("a line was removed" in problem for problem in find_lost_trials(folder.path, models))
