"""Trials run again on the user's server: agreement is reported, a difference beyond chance is a problem."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from harness.demo import Answers, serve_answers
from harness.demo.answers import all_variants
from harness.record import Timeouts
from harness.types import LevelReport, Model, Outcome, Reading, Sandbox, Variant
from harness.verify import VerifyOptions, verify
from harness.verify.agreement import Pair, compare_model, compare_speed, why_other_hardware
from harness.verify.replicated import Replication, choose_trials, min_trials
from tests.bundle import MODELS, SHORT_ANSWER_CHARS, TrustingSandbox, good_bundle, tasks, write_bundle
from tests.example import HOST, example_result
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
    replication = Replication(count, models, Timeouts(connect_s=1.0, read_s=30.0), HOST)
    options = VerifyOptions("replicated", tasks=tasks(), open_sandbox=_trusting, replication=replication)
    verdict = verify(path, options)
    assert [report.state for report in verdict.levels[:5]] == ["reached"] * 5
    return verdict.levels[5]


def test_a_server_that_answers_as_published_agrees(good: Path) -> None:
    with serve_answers(_published_answers()) as demo:
        report = _replicated(good, _models_at(demo.base_url))
    assert report.state == "reached"
    assert "alpha agrees in every trial: passed in 7 of 7 trials" in report.findings[0].message
    (alpha,) = [finding for finding in report.findings if finding.message.startswith("alpha decodes")]
    # The demo is several times faster than the published alpha, which nobody's server of the same hardware would be.
    assert (alpha.check, alpha.severity) == ("replicated", "warning")
    assert "alpha decodes at another speed:" in alpha.message
    assert "on hardware of the same class" in alpha.message
    assert any(
        "settings of your configuration differ from the published ones: model" in f.message for f in report.findings
    )


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
    assert ("replicated", "error") in {(finding.check, finding.severity) for finding in report.findings}
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


def _pairs(*passed: tuple[bool, bool], factor: float = 1.0) -> list[Pair]:
    """Pairs of trials that passed here and as published; the decode rate here is so many times the published one."""
    out = []
    for at, (here, published) in enumerate(passed):
        trial = next(trial for trial in example_result().trials if trial.task == "code-bugfix" and not trial.warmup)
        turn = replace(trial.turns[0], timings=replace(trial.turns[0].timings, decode_tps=50.0 + at % 3))
        reading = Reading(
            content="",
            reasoning="",
            tool_calls=(),
            finish_reason="stop",
            done=True,
            usage=None,
            error=None,
            counts=turn.counts,
            timings=replace(turn.timings, decode_tps=factor * (50.0 + (at + 1) % 3)),
        )
        outcome = "passed" if published else "failed"
        out.append(Pair(replace(trial, outcome=Outcome(outcome), turns=(turn,)), here, (reading,)))
    return out


@pytest.mark.parametrize(
    ("passed", "p_value", "words", "severity"),
    [
        ([(True, True)] * 10, 1.0, "m agrees in every trial: passed in 10 of 10 trials", "info"),
        ([(True, True)] * 8 + [(False, True), (True, False)], 1.0, "8 of 10 trials ended alike", "info"),
        ([(False, True)] * 10, 0.002, "m disagrees: passed in 0 of 10 trials", "error"),
        ([(True, True)] * 3, 1.0, "3 trials cannot show a difference, 6 can", "inconclusive"),
    ],
)
def test_agreement_of_pass_rates_is_said_in_words(
    passed: list[tuple[bool, bool]], p_value: float, words: str, severity: str
) -> None:
    message, found = compare_model("m", _pairs(*passed), p_value, 6)
    assert (words in message, found) == (True, severity), message


@pytest.mark.parametrize(
    ("factor", "words", "severity"),
    [
        (1.0, "m decodes at the same speed: 100 % of the published rate", "info"),
        (1.1, "m decodes at a similar speed: 110 %", "info"),
        (0.5, "m decodes at another speed: 50 %", "warning"),
    ],
)
def test_agreement_of_speeds_is_said_in_words(factor: float, words: str, severity: str) -> None:
    message, found = compare_speed("m", _pairs(*[(True, True)] * 9, factor=factor), None)
    assert (words in message, found) == (True, severity), message


def test_speeds_of_other_hardware_are_not_compared() -> None:
    assert why_other_hardware(HOST, HOST) is None
    assert (
        why_other_hardware(HOST, replace(HOST, chip="Apple M1")) == "chip is Apple M4 Max as published, Apple M1 here"
    )
    assert why_other_hardware(HOST, replace(HOST, chip=None)) == "the processor of one of the machines is unknown"
    card = replace(HOST, gpu_cores=None, gpu_memory_bytes=1)
    assert why_other_hardware(card, card) == "the model of a graphics card is unknown"
    message, severity = compare_speed("m", _pairs((True, True)), "chip is A as published, B here")
    assert (message, severity) == ("m: speeds are not compared: chip is A as published, B here", "info")
