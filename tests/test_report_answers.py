"""What the sentences of a lane claim: which others come next, and what is shown of them."""

from collections.abc import Mapping
from dataclasses import replace

from harness.report import lane_answers, render_brief
from harness.summarize import summarize
from harness.types import Lane, Outcome, RankBy, Result, TrialResult
from tests.example import grown_result

TASKS = {"code-bugfix": 1.0, "code-refactor": 1.0}
SPEED_FIRST: tuple[RankBy, ...] = ("decode_tps", "pass_rate")


def _result(models: Mapping[str, tuple[float, int]], *rank_by: RankBy) -> Result:
    """Model -> how many times as fast it is, and how many trials of each task it passes, of six."""
    base = grown_result(6, {})
    first = base.models[0]

    def trial(label: str, each: TrialResult) -> TrialResult:
        times, passed = models[label]
        turns = []
        for turn in each.turns:
            rate = turn.timings.decode_tps
            timings = replace(turn.timings, decode_tps=rate and rate * times * (1 + 0.002 * each.trial))
            turns.append(replace(turn, timings=timings))
        outcome = Outcome.PASSED if each.trial < passed else Outcome.FAILED
        return replace(each, model=label, outcome=outcome, turns=tuple(turns))

    trials = [trial(label, each) for label in models for each in base.trials if each.model == first.label]
    labeled = tuple(replace(first, label=label) for label in models)
    lane = Lane("fast", TASKS, rank_by=rank_by)
    return summarize(replace(base, models=labeled, trials=tuple(trials), lanes=(lane,)))


def _answer(result: Result) -> str:
    (answer,) = lane_answers(result)
    return answer.text


def test_a_lane_that_ranks_by_speed_first_says_nothing_of_what_the_faster_model_solves_less() -> None:
    text = _answer(_result({"quick": (2.0, 1), "slow": (1.0, 6)}, *SPEED_FIRST))
    assert "It solved 2 of 12, slow 12 of 12: decodes 2.0 times as fast" in text
    assert text.endswith(", and this lane ranks by speed first.")
    assert "not shown to be worse" not in text


def test_a_faster_model_is_not_shown_to_be_worse_where_pass_rates_come_first() -> None:
    text = _answer(_result({"quick": (2.0, 6), "slow": (1.0, 6)}, "pass_rate", "decode_tps"))
    assert "slow 12 of 12: not shown to be worse, and decodes 2.0 times as fast" in text
    assert "ranks by" not in text


def test_places_and_the_closest_model_go_by_what_the_lane_ranks_by() -> None:
    result = _result({"slowest": (1.0, 6), "second": (2.0, 1), "fastest": (3.0, 3)}, *SPEED_FIRST)
    assert "second, the closest of 2 others, 2 of 12: decodes 1.5 times as fast" in _answer(result)
    rows = [line.split() for line in render_brief(result).splitlines()]
    places = {row[0]: row[-1] for row in rows if row and row[0] in {"slowest", "second", "fastest"}}
    assert places == {"fastest": "1", "second": "2", "slowest": "3"}


def test_behind_a_tie_by_speed_places_go_by_pass_rate() -> None:
    models = {"poor": (1.0, 1), "fair": (1.0, 3), "good": (1.0, 5), "fast": (3.0, 6), "quick": (3.0, 6)}
    result = _result(models, *SPEED_FIRST)
    assert set(result.recommendations[0].tied) == {"fast", "quick"}
    rows = [line.split() for line in render_brief(result).splitlines()]
    places = {row[0]: row[-1] for row in rows if row and row[0] in models}
    assert places == {"fast": "1=", "quick": "1=", "good": "3", "fair": "4", "poor": "5"}


def test_the_only_model_of_a_run_is_compared_with_no_other() -> None:
    assert _answer(_result({"steady": (1.0, 6)}, "pass_rate")) == (
        "Fast: steady. It solved 12 of 12; it is the only model of this run."
    )
