"""Which verdicts of a comparison count, and that each that counts is said."""

from dataclasses import replace

from harness.compare import RunComparison, compare
from harness.compare.answers import pair_answer
from harness.summarize import summarize
from harness.types import Result, TrialResult, TurnResult
from tests.example import example_result
from tests.test_report_agent_work import result as agent_result

AGENT = "steady+codex"


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
