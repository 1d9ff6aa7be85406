"""Trials run again on the user's server: agreement is reported, a difference beyond chance is a problem."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from harness.demo import Answers, serve_answers
from harness.demo.answers import all_variants
from harness.record import Timeouts
from harness.types import LevelReport, Model, Sandbox, Variant
from harness.verify import VerifyOptions, verify
from harness.verify.replicated import Replication, choose_trials, min_trials
from tests.bundle import MODELS, SHORT_ANSWER_CHARS, TrustingSandbox, good_bundle, tasks, write_bundle
from tests.recipes import REJECT, read_recipe

K = 7


@contextmanager
def _trusting(languages: tuple[str, ...]) -> Iterator[Sandbox]:
    yield TrustingSandbox()


def _models_at(base_url: str) -> dict[str, Model]:
    """The user's own alpha and beta, both served by the demo's fastest model that does not reason."""
    return {model.label: replace(model, base_url=base_url, model="demo-flaky") for model in MODELS}


def _published_answers() -> Answers:
    """The answers of the published bundle, short ones: the code without words, the beginning where only time counts."""
    variants = all_variants(list(tasks().values()))
    return Answers(replace(variant, solution=(_short_answer(variant),)) for variant in variants)


def _short_answer(variant: Variant) -> str:
    (answer,) = variant.solution
    return answer[answer.index("```") :] if variant.cases else answer[:SHORT_ANSWER_CHARS]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("replicated") / "bundle", good_bundle(trials=7))


def _replicated(path: Path, models: dict[str, Model], count: int = K) -> LevelReport:
    replication = Replication(count, models, 512, Timeouts(connect_s=1.0, read_s=30.0))
    options = VerifyOptions("replicated", tasks=tasks(), open_sandbox=_trusting, replication=replication)
    verdict = verify(path, options)
    assert [report.state for report in verdict.levels[:5]] == ["reached"] * 5
    return verdict.levels[5]


def test_a_server_that_answers_as_published_agrees(good: Path) -> None:
    with serve_answers(_published_answers()) as demo:
        report = _replicated(good, _models_at(demo.base_url))
    assert report.state == "reached"
    assert [finding.severity for finding in report.findings] == ["info", "info"]
    assert "alpha: passed in 7 of 7 trials" in report.findings[0].message
    assert "tok/s here" in report.findings[0].message


def test_a_server_that_fails_what_was_published_as_passed_is_a_problem(good: Path) -> None:
    recipe = read_recipe(REJECT / "replicated" / "worse.json")
    assert recipe["own_server"] == "wrong"
    ignorant = [
        replace(variant, solution=("I do not know.",) * len(variant.turns))
        for variant in all_variants(list(tasks().values()))
    ]
    with serve_answers(Answers(ignorant)) as demo:
        report = _replicated(good, _models_at(demo.base_url))
    assert report.state == "failed"
    assert {(finding.check, finding.severity) for finding in report.findings} == {("replicated", "error")}
    assert "chance does not explain the difference" in report.findings[0].message


def test_a_server_that_does_not_answer_leaves_the_level_unverified(good: Path) -> None:
    report = _replicated(good, _models_at("http://127.0.0.1:9/v1"))
    assert report.state == "unverified"
    assert "does not answer" in report.detail


def test_a_model_that_is_not_configured_is_not_run(good: Path) -> None:
    with serve_answers(_published_answers()) as demo:
        models = _models_at(demo.base_url)
        report = _replicated(good, {"alpha": models["alpha"]}, count=1)
        other = _replicated(good, {"gamma": replace(models["alpha"], label="gamma")})
    assert report.state == "unverified"
    assert "beta is not in the configuration" in report.detail
    assert other.detail == "the configuration has none of the result's models: alpha, beta"


def test_without_models_nothing_is_run(good: Path) -> None:
    verdict = verify(good, VerifyOptions("replicated", tasks=tasks(), open_sandbox=_trusting))
    assert verdict.levels[5].state == "unverified"
    assert verdict.levels[5].detail == "no models were given to run again"


def test_trials_are_chosen_over_all_tasks_by_a_seed() -> None:
    from tests.example import example_result

    trials = [trial for trial in example_result().trials if trial.model == "steady" and not trial.warmup]
    first, second = choose_trials(trials, 6, seed=1), choose_trials(trials, 6, seed=2)
    assert {trial.task for trial in first} == {trial.task for trial in trials}
    assert [(trial.task, trial.trial) for trial in first] != [(trial.task, trial.trial) for trial in second]
    assert choose_trials(trials, 6, seed=1) == first


def test_too_few_trials_leave_the_level_unverified(good: Path) -> None:
    with serve_answers(_published_answers()) as demo:
        report = _replicated(good, _models_at(demo.base_url), count=2)
    assert report.state == "unverified"
    assert "2 trials cannot show a difference, 7 can" in report.detail


def test_the_minimum_of_trials_grows_with_the_models() -> None:
    assert [min_trials(models) for models in (1, 2, 4)] == [6, 7, 8]
