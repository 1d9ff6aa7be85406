"""The stages in order: a result depends on the files alone, and an engine's failure is never a model's."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from harness.cluster import ThreadScorer
from harness.config import Config
from harness.demo import serve
from harness.errors import ConfigError, EngineError, RunError
from harness.files import to_json
from harness.run.folder import RunFolder, open_run
from harness.run.pipeline import build_result, check_tasks_unchanged, score_run, start_run
from harness.run.recorder import record_run
from harness.schema import as_document, validate
from harness.tasks import find_fixtures, lanes_of_run, load_tasks
from harness.types import Job, Lane, Observation, Outcome, RunSettings, SandboxFacts
from tests.samples import MODEL, model_at

(HIDING,) = load_tasks([find_fixtures()], names=["code-bugfix"])
CODED = replace(HIDING, generator="")
"""A task without hidden cases, which the sandboxes here could not draw."""
SETTINGS = RunSettings(tasks=(CODED.name,), trials=3, warmups=0, seed=7, idle_s=0.0)


class FaultySandbox:
    """A sandbox whose engine dies after this many answers."""

    def __init__(self, good: int, image: str = "image") -> None:
        self.left, self.image = good, image

    @property
    def facts(self) -> SandboxFacts:
        return SandboxFacts("docker", "1", "runc", self.image, self.image and "sha256:0", False, "2")

    def run(self, job: Job) -> tuple[Observation, ...]:
        self.left -= 1
        if self.left < 0:
            raise EngineError("the engine is gone: start it")
        return tuple(Observation(case, "returned", None) for case, _ in job.cases)


def ignore(_stage: str, _done: int, _total: int, _name: str) -> None:
    return


@pytest.fixture(scope="module")
def recorded_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run with three trials that are recorded and not scored."""
    with serve((CODED,)) as demo:
        model = demo.models[0]
        folder = start_run(tmp_path_factory.mktemp("runs"), Config(SETTINGS, (model,)), (CODED,), simulated=True)
        assert record_run(folder, (CODED,), (model,), ignore) == []
    return folder.path


@pytest.fixture
def recorded(recorded_once: Path, tmp_path: Path) -> RunFolder:
    """A copy of that run."""
    return open_run(shutil.copytree(recorded_once, tmp_path / recorded_once.name))


def test_building_the_result_again_gives_the_same_result(recorded: RunFolder) -> None:
    score_run(recorded, (CODED,), ThreadScorer(FaultySandbox(9)), ignore)
    assert to_json(build_result(recorded)) == to_json(build_result(open_run(recorded.path)))


def test_a_run_of_tasks_that_execute_nothing_names_no_sandbox(recorded: RunFolder) -> None:
    score_run(recorded, (CODED,), ThreadScorer(FaultySandbox(9, image="")), ignore)
    result = build_result(recorded)
    assert result.sandbox is None
    assert list(validate("result", as_document("result", result))) == []


def test_a_recorded_trial_without_a_score_prevents_a_result(recorded: RunFolder) -> None:
    with pytest.raises(RunError, match="demo-steady on code-bugfix, trial 1 has no score yet") as raised:
        build_result(recorded)
    assert raised.value.fix == "score the run first"


def test_a_trial_during_which_the_engine_dies_gets_no_score_and_is_scored_later(recorded: RunFolder) -> None:
    lines = recorded.recordings_path.read_bytes()
    with pytest.raises(EngineError, match="gone"):
        score_run(recorded, (CODED,), ThreadScorer(FaultySandbox(1)), ignore)
    before = recorded.scores_path.read_bytes() if recorded.scores_path.exists() else b""
    assert before.count(b"\n") < 3
    reopened = open_run(recorded.path)
    score_run(reopened, (CODED,), ThreadScorer(FaultySandbox(9)), ignore)
    after = reopened.scores_path.read_bytes()
    assert after.startswith(before)
    assert after.count(b"\n") == 3
    assert {trial.outcome for trial in build_result(reopened).trials} == {Outcome.FAILED}
    assert recorded.recordings_path.read_bytes() == lines


def test_a_task_that_changed_since_the_run_began_is_refused(recorded: RunFolder) -> None:
    check_tasks_unchanged(recorded, (CODED,))
    with pytest.raises(RunError, match="code-bugfix"):
        check_tasks_unchanged(recorded, (replace(CODED, sha256="1" * 64),))


def test_a_plan_of_more_trials_than_a_result_may_have_is_refused_before_it_begins(tmp_path: Path) -> None:
    many = [replace(CODED, name=f"task-{at}") for at in range(60)]
    config = Config(RunSettings(trials=1000, idle_s=0.0), (MODEL,))
    with pytest.raises(ConfigError, match=r"60,\d+ trials are planned, more than the 50,000 of a result") as refused:
        start_run(tmp_path, config, many)
    assert "fewer trials" in refused.value.problems[0].fix
    assert list(tmp_path.iterdir()) == []
    # Looks or a limit of time end such a run long before.
    start_run(tmp_path, replace(config, settings=replace(config.settings, budget="10s")), many)


def test_the_lanes_of_the_configuration_are_part_of_the_plan(tmp_path: Path) -> None:
    lanes = (Lane("daily coding", {CODED.name: 1.0}),)
    folder = start_run(tmp_path, Config(SETTINGS, (model_at("http://127.0.0.1:1/v1"),), lanes), (CODED,))
    assert open_run(folder.path).plan.lanes == lanes_of_run(lanes, (CODED,))
