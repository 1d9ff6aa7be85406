"""Which verdicts of a comparison count, and that each that counts is said."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.compare import RunComparison, compare, render_brief_comparisons
from harness.compare.answers import pair_answer
from harness.compare.lanes import lane_changes
from harness.summarize import summarize
from harness.types import Lane, Outcome, Result, SkippedTask, TrialResult, TurnResult
from tests.example import example_result, grown_result
from tests.test_report_agent_work import result as agent_result

AGENT, SPEED = "steady+codex", "speed-small"


def _slowed(result: Result, times: float) -> Result:
    """All replies take so many times as long, a little more in each later trial."""

    def slower(trial: TrialResult) -> TrialResult:
        factor = times * (1 + 0.01 * trial.trial)

        def turn(each: TurnResult) -> TurnResult:
            old = each.timings
            timings = replace(
                old,
                ttft_s=old.ttft_s and old.ttft_s * factor,
                e2e_s=old.e2e_s and old.e2e_s * factor,
                decode_tps=old.decode_tps and old.decode_tps / factor,
            )
            return replace(each, timings=timings)

        return replace(trial, turns=tuple(map(turn, trial.turns)))

    return replace(result, trials=tuple(map(slower, result.trials)))


def _with_longer_trial(result: Result, task: str) -> Result:
    """The first trial of a task has one more turn than the others."""

    def longer(trial: TrialResult) -> TrialResult:
        is_first = trial.task == task and trial.trial == 0 and not trial.warmup
        return replace(trial, turns=(*trial.turns, trial.turns[-1])) if is_first else trial

    return replace(result, trials=tuple(map(longer, result.trials)))


def _compare(baseline: Result, other: Result) -> RunComparison:
    later = replace(other.run, id=f"{other.run.id[:-4]}ffff", seed=other.run.seed + 1)
    return compare(("a", summarize(baseline)), ("b", summarize(replace(other, run=later))))


def _speeds(compared: RunComparison, label: str) -> dict[str, tuple[str, int]]:
    pair = next(each for each in compared.pairs if each.other == label)
    return {each.name: (each.verdict, each.cells) for each in pair.overall if each.is_ratio}


def test_a_single_longer_trial_takes_no_verdict_on_speed() -> None:
    quick, slow = (_with_longer_trial(_slowed(example_result(), times), "code-refactor") for times in (1.0, 3.0))
    compared = _compare(quick, slow)
    assert _speeds(compared, "steady") == dict.fromkeys(("decode rate", "TTFT", "E2E latency"), ("worse", 3))
    assert "Slower: it decodes 0.33 times as fast" in pair_answer(compared.pairs[0])


def test_an_agents_later_requests_are_one_turn_of_a_trial_however_many_they_are() -> None:
    quick, slow = (_slowed(agent_result(), times) for times in (1.0, 3.0))
    task = next(each.name for each in quick.tasks if each.for_agents)
    compared = _compare(_with_longer_trial(quick, task), _with_longer_trial(slow, task))
    assert _speeds(compared, AGENT) == dict.fromkeys(("decode rate", "TTFT", "E2E latency"), ("worse", 2))
    assert compared.is_worse


def test_a_task_that_one_side_skipped_is_named_where_the_answer_is() -> None:
    before = example_result()
    skipped = (SkippedTask("code-refactor", 40_000, 32_768),)
    models = tuple(replace(model, skipped=skipped) if model.label == "steady" else model for model in before.models)
    trials = tuple(each for each in before.trials if (each.model, each.task) != ("steady", "code-refactor"))
    compared = _compare(before, replace(before, models=models, trials=trials))
    note = (
        "excluded, because they do not fit into the context of the other run: "
        "steady on code-refactor (needs 40,000 tokens, it has 32,768)"
    )
    assert compared.notes[0] == note
    assert note in " ".join(render_brief_comparisons([compared]).split())
    assert not any("do not fit" in each for each in _compare(before, before).notes)


def _renamed(result: Result, labels: Sequence[str]) -> Result:
    """Copies of the first model with these labels."""
    first = result.models[0]
    own = [trial for trial in result.trials if trial.model == first.label]
    trials = tuple(replace(trial, model=label) for label in labels for trial in own)
    return replace(result, models=tuple(replace(first, label=label) for label in labels), trials=trials)


def test_a_model_that_is_worse_on_a_task_is_not_among_those_of_which_nothing_is_shown() -> None:
    labels = ("first", "second", "third", "fourth", "fifth")

    def solving(task: str) -> Result:
        """`first` solves one task alone, the others both."""
        result = _renamed(grown_result(30, {}), labels)
        failed = [
            replace(each, outcome=Outcome.FAILED) if each.model == "first" and each.task not in (task, SPEED) else each
            for each in result.trials
        ]
        return replace(result, trials=tuple(failed))

    compared = _compare(solving("code-bugfix"), solving("code-refactor"))
    assert compared.is_worse
    text = " ".join(render_brief_comparisons([compared]).split())
    assert text.startswith("first: the evidence does not decide")
    assert "Worse on code-bugfix. Better on code-refactor." in text
    assert "Nothing better or worse is shown in 4 of 5 (run and model): second, third, fourth, fifth." in text


def test_a_speed_that_is_worse_on_a_task_is_said_where_all_tasks_together_show_none() -> None:
    before, after = (_paced(grown_result(6, {}), times) for times in ({}, {"code-bugfix": 0.5, "code-refactor": 2.0}))
    compared = _compare(before, after)
    assert compared.is_worse
    assert "Slower on code-bugfix. Faster on code-refactor." in pair_answer(compared.pairs[0])


def _paced(result: Result, times: Mapping[str, float]) -> Result:
    """Tasks that decode so many times as fast."""

    def paced(trial: TrialResult) -> TrialResult:
        factor = times.get(trial.task, 1.0) * (1 + 0.002 * (trial.trial % 3))

        def turn(each: TurnResult) -> TurnResult:
            rate = each.timings.decode_tps
            return replace(each, timings=replace(each.timings, decode_tps=rate and rate * factor))

        return replace(trial, turns=tuple(map(turn, trial.turns)))

    return replace(result, trials=tuple(map(paced, result.trials)))


def test_a_bound_on_a_speed_does_not_strengthen_what_a_bound_on_a_pass_rate_decided() -> None:
    lane = Lane("daily coding", dict.fromkeys(("code-bugfix", "code-refactor"), 1.0), rank_by=("pass_rate", "e2e_s"))

    def decided(fails: int, times: float) -> Result:
        result = grown_result(10, {"code-refactor": fails, "code-bugfix": fails})
        trials = tuple(
            replace(each, turns=_slowed(replace(result, trials=(each,)), times).trials[0].turns)
            if each.model == "hasty"
            else each
            for each in result.trials
        )
        return summarize(replace(result, trials=trials, lanes=(lane,)))

    solves_more, is_faster, is_much_faster = decided(8, 1.0), decided(0, 3.0), decided(0, 9.0)
    assert [each.recommendations[0].model for each in (solves_more, is_faster, is_much_faster)] == ["steady"] * 3
    changes = [lane_changes(*runs)[0][0] for runs in ((solves_more, is_faster), (is_faster, is_much_faster))]
    assert [change.verdict for change in changes] == ["unchanged", "strengthened"]
    assert "before steady (conclusive, pass rate 0." in changes[0].text
    assert "now (conclusive, E2E latency " in changes[0].text
