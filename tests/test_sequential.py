"""A run that stops when its lanes are decided or its time is used: the rule, its error, the whole path, its checks."""

import re
import shutil
import socket
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing, nullcontext
from dataclasses import replace
from itertools import product
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

from harness.bundle import LOG, RECORDINGS, SCORES
from harness.cluster import ThreadScorer
from harness.config import Config
from harness.demo import serve
from harness.files import build, from_json, plain, sha256_of, to_json
from harness.record import Client
from harness.run import (
    PREVIOUS,
    RunFolder,
    build_result,
    fits_block,
    open_run,
    plan_digest,
    record_run,
    score_run,
    start_run,
    timeouts_of,
    write_result,
)
from harness.run.folder import create_run
from harness.run.time_budget import TimeBudget, unasked_models
from harness.stats import PairLook, difference_on_these_tasks, pocock_level, predictive_power, sequential_verdict
from harness.summarize import Schedule, design_of, plan_looks, schedule_looks, summarize, take_look, trials_planned
from harness.summarize.futility import FutilityRule
from harness.summarize.lane_differences import pair_looks
from harness.summarize.pairwise import contingency_table
from harness.types import (
    Json,
    Lane,
    LaneLook,
    Look,
    Model,
    ModelRun,
    Outcome,
    RecordedTrial,
    Result,
    RunSettings,
    ScoredTrial,
    SequentialDesign,
    TrialScorer,
)
from harness.verify import VerifyOptions, verify
from harness.verify.trials import BlockPlan, planned_of
from tests.bundle import TrustingSandbox, good_bundle, tasks, trusting
from tests.samples import task_of
from tests.sequential_simulation import (
    EQUAL_SIZES,
    SAVED_SIZES,
    Size,
    draw_passes,
    equal_rows,
    fixed_verdicts,
    pair_verdicts,
    saved_rows,
)

LANE = Lane("lane", {"code-bugfix": 1.0})
SCORED = tasks()["code-bugfix"]
TWO_LOOKS = RunSettings(tasks=(SCORED.name,), trials=2, warmups=0, seed=7, idle_s=0.0, until_decided=True)


def model_of(label: str) -> Model:
    return Model(label, "openai", "http://127.0.0.1:9/v1", "m")


def test_pocock_levels_are_those_of_the_published_tables() -> None:
    # C. Jennison and B. Turnbull, "Group Sequential Methods", table 2.1: z of 2.413 and 2.178 for 5 and 2 looks.
    assert pocock_level((1, 2, 3, 4, 5), 0.05) == pytest.approx(0.0158, abs=2e-4)
    assert pocock_level((1, 2), 0.05) == pytest.approx(0.0294, abs=2e-4)
    assert pocock_level((10,), 0.05) == pytest.approx(0.05)
    assert pocock_level((1, 2), 0.05, unplanned=1) < pocock_level((1, 2), 0.05)


@pytest.mark.parametrize("min_power", [0.0, 0.3])
@pytest.mark.parametrize("weights", [(1.0, 1.0), (1.0, 0.5)])
def test_over_all_looks_and_all_ways_equal_models_can_differ_the_error_is_held_and_used(
    weights: list[float], min_power: float
) -> None:
    """Every sign of ten discordant pairs is as likely as the other if the models are equal."""
    different = 0
    for signs in product((1, -1), repeat=10):
        steps = [sign * weight for sign, weight in zip(signs, weights * 5, strict=True)]
        ends = ((0.2, 0, 2), (0.5, 2, 5), (0.8, 5, 8), (1.0, 8, 10))
        looks = [PairLook(share, tuple(steps[start:end])) for share, start, end in ends]
        different += sequential_verdict(looks, 0.05, min_power).verdict != "can't tell"
    assert 0.02 < different / 2**10 <= 0.05


def test_a_verdict_stays_what_it_was_at_the_first_look_that_gave_it() -> None:
    looks = [PairLook(0.5, (1.0,) * 8), PairLook(1.0, (-1.0,) * 20)]
    assert [sequential_verdict(looks[:end], 0.05).verdict for end in (0, 1, 2)] == ["can't tell", "better", "better"]
    assert sequential_verdict([PairLook(0.5, (-1.0,) * 8)], 0.05).verdict == "worse"


def test_a_pair_that_was_given_up_stays_so_and_leaves_its_error_to_the_others() -> None:
    even, all_won = PairLook(0.5, (1.0, -1.0) * 4), PairLook(1.0, (1.0,) * 30)
    assert sequential_verdict([even, all_won], 0.05) == ("better", False)
    assert sequential_verdict([even, all_won], 0.05, 0.3) == ("can't tell", True)
    assert sequential_verdict([replace(even, share=1.0)], 0.05, 0.3) == ("can't tell", False)
    close = [PairLook(0.4, (1.0,) * 4 + (-1.0,)), PairLook(1.0, (1.0,) * 10 + (-1.0,) * 4)]
    assert [sequential_verdict(close, 0.05, power).verdict for power in (0.0, 0.3)] == ["can't tell", "better"]


def test_weights_of_any_size_give_a_verdict_soon() -> None:
    steps = tuple(1000.0 if at % 2 else 0.001 for at in range(900))
    assert sequential_verdict([PairLook(1.0, steps)], 0.05).verdict == "better"


@pytest.mark.parametrize("models", [2, 4])
def test_equal_models_are_rarely_called_better_at_any_look(models: int) -> None:
    assert [row for row in equal_rows(Size(8, 10, models), 400) if not row.is_within] == []


def test_a_difference_of_25_points_saves_at_least_30_percent_of_the_trials_at_equal_error() -> None:
    assert [row for row in saved_rows(Size(8, 10), 0.25, 400) if not row.is_within] == []


@pytest.mark.parametrize(("rule", "models"), [(1, 2), (2, 2), (2, 3)])
def test_the_simulation_gives_the_verdicts_of_the_kit(rule: int, models: int) -> None:
    plan, trials = replace(Size(4, 10).design(), rule=rule), 10
    futility = FutilityRule.of(plan)
    min_power = futility.min_power if futility.is_final(models, plan.lanes[0]) else 0.0
    rates = np.broadcast_to([[[0.7] * 4, [0.45] * 4]], (25, 2, 4))
    passes = draw_passes(rates, trials, np.random.RandomState(1))
    simulated = pair_verdicts(passes[:, 0] - passes[:, 1], plan, models)
    fixed = fixed_verdicts(passes, trials, 0.05)
    for at, (first, second) in enumerate(passes):
        by_task = zip((first == 1).tolist(), (second == 1).tolist(), strict=True)
        pairs = [(1.0, dict(enumerate(a)), dict(enumerate(b))) for a, b in by_task]
        looks = pair_looks(pairs, plan.looks)
        for number in range(len(plan.looks)):
            found = sequential_verdict(looks[: number + 1], 0.05, min_power)
            assert simulated.signs[at, number] == {"better": 1, "worse": -1, "can't tell": 0}[found.verdict]
            power = predictive_power(looks[: number + 1], futility.level(plan))
            is_low = power < futility.min_power and plan.looks[number] < trials and not simulated.signs[at, number]
            assert simulated.futile[at, number] == (found.given_up if min_power else is_low)
        tables = [contingency_table(passed, other) for _, passed, other in pairs]
        assert fixed[at] == (difference_on_these_tasks(tables).verdict == "better")
    assert simulated.signs.any()
    assert simulated.futile.any()


def test_the_stored_table_of_4000_repeats_is_complete_and_was_made_by_this_code() -> None:
    kept = (Path(__file__).parent / "data" / "stats" / "sequential-4000.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in kept if "outside" in line] == []
    assert len(kept) == len({line[:48] for line in kept}) == 4 * len(EQUAL_SIZES) + 6 * len(SAVED_SIZES)
    unlike = [line for line in kept if "2 unlike   8x5 " in line]
    assert unlike == [row.line for row in equal_rows(Size(8, 5), 4000, alike=False)]


def test_the_rest_of_a_run_that_would_hardly_decide_has_little_power() -> None:
    even = (1.0, -1.0) * 10
    assert predictive_power([], 0.01) == pytest.approx(1.0)
    assert predictive_power([PairLook(0.5, even)], 0.01) < 0.05 < predictive_power([PairLook(0.1, even)], 0.01)
    assert predictive_power([PairLook(0.5, (1.0,) * 8)], 0.01) > 0.5
    assert predictive_power([PairLook(1.0, even)], 0.01) == 0.0


def test_a_lane_whose_models_pass_alike_is_given_up_and_its_run_ends() -> None:
    result = _with_passes(build(Result, good_bundle().result), "nobody")
    design = design_of(schedule_looks(20, until_decided=True), None, (replace(result.lanes[0], override=None),), 2)
    both = LaneLook("my coding", ("alpha", "beta"), decided=False)
    earlier = tuple(Look(trials, (both,), None, 1.0) for trials in (2, 4, 6, 8, 10))
    halfway = replace(result, run=replace(result.run, trials=20, design=design, looks=earlier))
    look = take_look(halfway, 12, 5.0, time_used=False)
    assert look.lanes == (replace(both, futile=True),)
    assert look.stop == "futile"
    ended = summarize(replace(halfway, run=replace(halfway.run, looks=(*earlier, look))))
    (note,) = [found.looks for found in ended.recommendations if found.lane == "my coding"]
    assert "ended after 12 of at most 20 trials a task, look 6 of at most 10; the rest would hardly tell" in note
    later = (*earlier, look, replace(look, trials=14), replace(look, trials=16))
    longer = summarize(replace(halfway, run=replace(halfway.run, looks=later)))
    assert note in [found.looks for found in longer.recommendations]


def test_a_plan_keeps_the_rule_of_its_version() -> None:
    result = _with_passes(build(Result, good_bundle().result), "nobody")
    result = replace(result, trials=tuple(trial for trial in result.trials if trial.trial < 3))
    lane = replace(result.lanes[0], override=None, min_pass_rate=None)
    latest = design_of(schedule_looks(12, until_decided=True), None, (lane,), 2)
    document = plain(latest)
    del document["rule"]
    both = LaneLook("my coding", ("alpha", "beta"), decided=False)
    earlier = (Look(2, (both,), None, 1.0),)
    looks = [
        take_look(replace(result, run=replace(result.run, design=design, looks=earlier)), 3, 2.0, time_used=False)
        for design in (build(SequentialDesign, document), latest)
    ]
    assert [look.stop for look in looks] == [None, "futile"]


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parents[1] / "results").glob("*.zip")), ids=lambda path: path.stem
)
def test_the_plan_of_a_published_run_has_the_digest_that_its_chain_begins_with(path: Path) -> None:
    with ZipFile(path) as bundle:
        result = build(Result, from_json(bundle.read("result.json").decode()))
        first = from_json(bundle.read(LOG).decode().splitlines()[0])
    assert plan_digest(result) == first[PREVIOUS]


def test_a_run_without_the_options_has_no_design() -> None:
    assert plan_looks(RunSettings(trials=5), (), (SCORED,), 2) is None


def test_the_time_of_a_budget_is_read_with_its_unit() -> None:
    design = plan_looks(RunSettings(trials=5, budget="10m"), (LANE,), (SCORED,), 3)
    assert design is not None
    assert (design.budget_s, design.looks, design.hypotheses) == (600.0, (5,), 3)


def test_a_model_that_left_a_lane_gets_no_more_trials() -> None:
    design = design_of(schedule_looks(10, until_decided=True), None, (LANE,), 3)
    look = Look(1, (LaneLook("lane", ("a", "b"), decided=False),), None, 1.0)
    planned = {name: trials_planned(Schedule(10, design, (look,)), model_of(name), SCORED) for name in "abc"}
    assert planned == {"a": 2, "b": 2, "c": 1}
    assert trials_planned(Schedule(10, design, (look,)), model_of("a"), task_of("of-no-lane")) == 1
    assert trials_planned(Schedule(10, design, (look,)), model_of("a"), task_of("speed-canary", tags=("canary",))) == 2


def test_a_block_begins_only_if_the_mean_of_those_before_fits() -> None:
    assert fits_block(0.0, 0, 10.0)
    assert fits_block(4.0, 1, 10.0)
    assert not fits_block(5.0, 1, 10.0)
    assert not fits_block(10.0, 0, 10.0)


def _with_passes(result: Result, failing: str) -> Result:
    """The result with every trial of a model failed and all others passed."""
    trials = [
        replace(trial, outcome=Outcome.FAILED if trial.model == failing else Outcome.PASSED) for trial in result.trials
    ]
    doubled = [replace(trial, trial=trial.trial + 3 * more) for more in range(4) for trial in trials]
    unique = {(trial.model, trial.task, trial.trial, trial.warmup): trial for trial in doubled}
    design = design_of((12,), 600.0, (replace(result.lanes[0], override=None),), 2)
    return replace(result, trials=tuple(unique.values()), run=replace(result.run, trials=12, design=design))


def test_a_look_decides_for_the_only_model_that_is_left() -> None:
    look = take_look(_with_passes(build(Result, good_bundle().result), "beta"), 12, 5.0, time_used=False)
    assert look.lanes == (LaneLook("my coding", ("alpha",), decided=True),)
    assert look.stop == "decided"


def test_a_look_does_not_decide_for_a_model_that_solved_nothing_yet() -> None:
    result = build(Result, good_bundle().result)
    lane = Lane("lane", dict(result.lanes[0].tasks))
    trials = tuple(replace(trial, outcome=Outcome.FAILED) for trial in result.trials if trial.model == "alpha")
    models = tuple(model for model in result.models if model.label == "alpha")
    run = replace(result.run, trials=30, design=design_of((3, 30), None, (lane,), 1), looks=())
    look = take_look(replace(result, models=models, trials=trials, run=run), 3, 5.0, time_used=False)
    assert look == Look(3, (LaneLook("lane", ("alpha",), decided=False),), None, 5.0)


def test_a_lane_with_a_task_that_the_run_lacks_is_no_part_of_the_design_and_named(tmp_path: Path) -> None:
    larger = Lane("larger", {SCORED.name: 1.0, "elsewhere": 1.0})
    design = plan_looks(TWO_LOOKS, (LANE, larger), (SCORED,), 2)
    assert design is not None
    assert design.lanes == (LANE,)
    with serve((SCORED,)) as demo:
        models = demo.models[:2]
        run = start_run(tmp_path, Config(TWO_LOOKS, models, lanes=(larger,)), (SCORED,), simulated=True)
        found = []
        for _ in range(2):
            run, lines = _session(run, models)
            found.append([line for line in lines if line.startswith("no look decides")])
    assert found == [["no look decides the lane larger: not in this run: elsewhere"], []]


def test_the_result_says_when_final_verdicts_no_longer_carry_a_decision() -> None:
    result = _with_passes(build(Result, good_bundle().result), "nobody")
    decided = Look(12, (LaneLook("my coding", ("beta",), decided=True),), "decided", 5.0)
    (found,) = [
        found
        for found in summarize(replace(result, run=replace(result.run, looks=(decided,)))).recommendations
        if found.lane == "my coding"
    ]
    assert found.model != "beta"
    assert "no longer carry that" in found.looks


def ignore(_stage: str, _done: int, _total: int, _name: str) -> None:
    return


def _run(
    folder: Path, settings: RunSettings, scorer: TrialScorer | None = None, passes: int | None = None
) -> RunFolder:
    """A run to its end; with other `passes` than a new plan would have, if they are given."""
    with serve((SCORED,)) as demo:
        models = demo.models[:2]
        run = start_run(folder, Config(settings, models), (SCORED,), simulated=True)
        if passes is not None:
            plan = replace(run.plan, settings=replace(run.plan.settings, passes=passes))
            run = create_run(folder / "other", plan)
        while True:
            assert record_run(run, (SCORED,), models, ignore) == []
            score_run(run, (SCORED,), scorer or ThreadScorer(TrustingSandbox()), ignore)
            run = open_run(run.path)
            if not run.chain.awaits_block:
                break
    write_result(run, build_result(run))
    return run


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run of two equal models that was looked at twice."""
    return _run(tmp_path_factory.mktemp("runs"), TWO_LOOKS)


def _forge(
    run: RunFolder, folder: Path, change: Callable[[dict[str, Json]], list[Json] | None], copies_of_looks: int = 1
) -> Path:
    """A copy of a run with a change of each line, chained again as a careful forger would.

    A change edits a document, or gives those that stand in its place.
    """
    lines = {}
    for name in (LOG, RECORDINGS, SCORES):
        for line in (run.path / name).read_text(encoding="utf-8").splitlines(keepends=True):
            lines[from_json(line)[PREVIOUS]] = (name, line)
    texts = dict.fromkeys((LOG, RECORDINGS, SCORES), "")
    old = head = plan_digest(run.plan)
    recordings = ""
    while old in lines:
        name, line = lines[old]
        document = from_json(line)
        recordings += line if name == RECORDINGS else ""
        if document.get("case_seed") == sha256_of(recordings):
            document["case_seed"] = sha256_of(texts[RECORDINGS])
        copies = [document] * (copies_of_looks if document.get("look") else 1)
        for each in change(document) or copies:
            forged = to_json({**each, PREVIOUS: head}) + "\n"
            texts[name] += forged
            head = sha256_of(forged)
        old = sha256_of(line)
    result = from_json(run.result_path.read_text(encoding="utf-8"))
    result["run"]["looks"] = [look for line in texts[LOG].splitlines() if (look := from_json(line)["look"])]
    digests = {f"{Path(name).stem}_sha256": sha256_of(text) for name, text in texts.items()}
    result["digests"] = digests
    folder.mkdir()
    for name, text in {**texts, "result.json": to_json(result)}.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def _restore_looks(path: Path, run: RunFolder) -> None:
    """Give a forged copy of a run the looks that its result had."""
    original = from_json(run.result_path.read_text(encoding="utf-8"))
    result = from_json((path / "result.json").read_text(encoding="utf-8"))
    result["run"]["looks"] = original["run"]["looks"]
    (path / "result.json").write_text(to_json(result), encoding="utf-8")


def _findings(path: Path) -> set[tuple[str, str]]:
    verdict = verify(path, VerifyOptions("reread", tasks=tasks()))
    return {(each.check, each.message) for level in verdict.levels for each in level.findings if each.check == "looks"}


def test_a_run_is_looked_at_at_the_planned_times_and_passes_its_own_checks(looked_at: RunFolder) -> None:
    assert [(look.trials, look.stop) for look in looked_at.chain.looks] == [(1, None), (2, "cap")]
    assert verify(looked_at.path, VerifyOptions("reread", strict=True, tasks=tasks())).exit_code == 0
    result = from_json(looked_at.result_path.read_text(encoding="utf-8"))
    assert "the looks left 2 models in question when all trials were run" in result["recommendations"][0]["looks"]


@pytest.mark.parametrize("passes", [2, 1])
def test_each_look_of_a_run_has_warm_ups_unless_its_plan_is_an_older_one(tmp_path: Path, passes: int) -> None:
    run = _run(tmp_path, replace(TWO_LOOKS, warmups=1), passes=passes)
    result = build(Result, from_json(run.result_path.read_text(encoding="utf-8")))
    ran = [trial.warmup for trial in result.trials if trial.model == result.models[0].label]
    assert ran == [True, False, True, False] if passes == 2 else [True, False, False]
    assert result.run.passes == passes
    assert verify(run.path, VerifyOptions("reread", strict=True, tasks=tasks())).exit_code == 0


def test_warm_ups_of_a_later_look_that_were_left_out_are_found(tmp_path: Path) -> None:
    run = _run(tmp_path, replace(TWO_LOOKS, warmups=1))
    document = from_json(run.result_path.read_text(encoding="utf-8"))
    document["trials"] = [trial for trial in document["trials"] if not (trial["warmup"] and trial["trial"])]
    run.result_path.write_text(to_json(document), encoding="utf-8")
    verdict = verify(run.path, VerifyOptions("reread", tasks=tasks()))
    messages = [finding.message for level in verdict.levels for finding in level.findings]
    assert any("the warm-ups are not those that were planned" in message for message in messages)


def test_before_the_first_request_a_run_says_which_look_ends_the_session(looked_at: RunFolder, tmp_path: Path) -> None:
    settings = RunSettings(tasks=(SCORED.name,), trials=10, idle_s=0.0, until_decided=True)
    begun = start_run(tmp_path, Config(settings, (model_of("m"), model_of("n"))), (SCORED,), simulated=True)
    assert begun.plan.design is not None
    with Client(timeouts_of(settings)) as client:
        count = len(begun.plan.design.looks)
        assert TimeBudget(begun, client).look_words == f", until look 1 of at most {count} (at most 10 trials a task)"
        assert TimeBudget(looked_at, client).look_words == ""
    assert count == 10
    assert open_run(begun.path).plan.design == begun.plan.design


def test_an_unchanged_copy_that_is_chained_again_has_no_finding(looked_at: RunFolder, tmp_path: Path) -> None:
    assert _findings(_forge(looked_at, tmp_path / "copy", lambda _: None)) == set()


def test_an_earlier_look_must_follow_from_the_verdicts_of_then(looked_at: RunFolder, tmp_path: Path) -> None:
    def drop_model(document: dict[str, Json]) -> None:
        if document.get("look") and document["look"]["trials"] == 1:
            document["look"]["lanes"][0]["candidates"] = ["demo-steady"]

    (found, *_) = _findings(_forge(looked_at, tmp_path / "forged", drop_model))
    assert "look" in found[1]
    assert "its trials give" in found[1]


@pytest.mark.parametrize("keeps_result", [False, True])
def test_a_look_whose_candidate_is_no_model_is_named_and_not_taken_again(
    looked_at: RunFolder, tmp_path: Path, keeps_result: bool
) -> None:
    def invent(document: dict[str, Json]) -> None:
        if document.get("look") and document["look"]["trials"] == 1:
            document["look"]["lanes"][0]["candidates"] = ["nobody"]

    path = _forge(looked_at, tmp_path / "forged", invent)
    if keeps_result:
        _restore_looks(path, looked_at)
    found = {message for _, message in _findings(path)}
    problem = "look 1 names nobody for daily coding, which is no model of the result"
    assert found == {problem} | ({"has other looks than the result"} if keeps_result else set())


def test_looks_that_the_log_repeats_are_not_taken_again(looked_at: RunFolder, tmp_path: Path) -> None:
    path = _forge(looked_at, tmp_path / "forged", lambda _: None, copies_of_looks=30)
    _restore_looks(path, looked_at)
    assert _findings(path) == {("looks", "has other looks than the result")}


def test_an_earlier_look_must_have_the_hidden_cases_of_its_recordings(looked_at: RunFolder, tmp_path: Path) -> None:
    def choose_seed(document: dict[str, Json]) -> None:
        if "case_seed" in document and document["key"]["trial"] == 0:
            document["case_seed"] = "0" * 64

    found = {message for _, message in _findings(_forge(looked_at, tmp_path / "forged", choose_seed))}
    assert "look 1 has hidden cases of another seed than the recordings until then" in found


class SeededScorer:
    """Scores like any other, and says so of hidden cases: each look scores all trials again."""

    def score_all(self, trials: Iterable[RecordedTrial], case_seed: str) -> Generator[ScoredTrial, None, None]:
        for scored in ThreadScorer(TrustingSandbox()).score_all(trials, case_seed):
            yield replace(scored, case_seed=case_seed)


def _rescored(path: Path) -> list[str]:
    """What is wrong with a run at the level rescored, if it reaches reread."""
    options = VerifyOptions(
        "rescored", tasks=tasks(), open_sandbox=trusting, open_scorer=lambda _: nullcontext(SeededScorer())
    )
    levels = {report.level: report for report in verify(path, options).levels}
    assert levels["reread"].state == "reached"
    return [finding.message for finding in levels["rescored"].findings]


def test_a_verdict_of_an_earlier_look_that_a_later_one_overruled_is_scored_again(tmp_path: Path) -> None:
    run, first = _run(tmp_path / "runs", TWO_LOOKS, SeededScorer()), list[Json]()

    def fail_at_first_look(document: dict[str, Json]) -> None:
        if "score" in document and not first:
            first.append(document["key"])
            document["score"] |= {"outcome": "failed", "fraction": 0.0}

    assert _rescored(run.path) == []
    (message,) = _rescored(_forge(run, tmp_path / "forged", fail_at_first_look))
    assert message.endswith("is failed, scored again it is passed")


def test_scores_with_invented_seeds_are_refused_before_any_is_scored_again(tmp_path: Path) -> None:
    """They no longer stand at a look, whose own scores have the right seed."""
    run, first = _run(tmp_path / "runs", TWO_LOOKS, SeededScorer()), list[Json]()

    def invent(document: dict[str, Json]) -> list[Json]:
        if "score" not in document or first:
            return [document]
        first.append(document["key"])
        return [{**document, "case_seed": sha256_of("invented")}, document]

    assert _findings(_forge(run, tmp_path / "copy", lambda _: None)) == set()
    (found,) = _findings(_forge(run, tmp_path / "forged", invent))
    assert found[1].endswith("has hidden cases of another seed than the recordings until then")


def test_a_run_ends_when_its_time_is_used(tmp_path: Path) -> None:
    settings = RunSettings(tasks=(SCORED.name,), trials=90, warmups=0, seed=7, idle_s=0.0, budget="4s")
    run = _run(tmp_path, settings)
    (look,) = run.chain.looks
    assert look.stop == "budget"
    assert look.elapsed_s <= 1.1 * 4
    assert verify(run.path, VerifyOptions("reread", strict=True, tasks=tasks())).exit_code == 0


def test_no_model_is_loaded_when_the_time_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TimeBudget, "limit_turn", lambda _: False)
    settings = RunSettings(tasks=(SCORED.name,), trials=2, warmups=0, seed=7, idle_s=0.0, budget="4s")
    with serve((SCORED,)) as demo:
        run = start_run(tmp_path, Config(settings, demo.models[:2]), (SCORED,), simulated=True)
        assert record_run(run, (SCORED,), demo.models[:2], ignore) == []
    assert run.read_model_runs() == {}


@pytest.mark.parametrize(("elapsed_s", "trials", "is_allowed"), [(266.0, 1, True), (300.0, 1, False), (300.0, 0, True)])
def test_a_run_has_time_to_stop_its_last_server_on_a_busy_machine(
    looked_at: RunFolder, tmp_path: Path, elapsed_s: float, trials: int, is_allowed: bool
) -> None:
    document = from_json(looked_at.result_path.read_text(encoding="utf-8"))
    document["run"]["design"] |= {"budget_s": 240.0, "looks": [2]}
    ended = {"trials": trials, "stop": "budget", "elapsed_s": elapsed_s}
    document["run"]["looks"] = [{**document["run"]["looks"][0], **ended}]
    (tmp_path / "result.json").write_text(to_json(document), encoding="utf-8")
    late = [message for _, message in _findings(tmp_path) if "later than its 240 s allow" in message]
    assert (late == []) == is_allowed


def test_a_time_that_ends_within_the_first_block_leaves_trials_that_the_plan_has(looked_at: RunFolder) -> None:
    result = build(Result, from_json(looked_at.result_path.read_text(encoding="utf-8")))
    assert result.run.design is not None
    look = replace(result.run.looks[0], trials=0, stop="budget")
    ended = replace(result, run=replace(result.run, looks=(look,), design=replace(result.run.design, budget_s=1.0)))
    keys = [(key.task, key.trial) for key in BlockPlan(ended).trials(ended.models[0])]
    assert keys == [(SCORED.name, 0)]
    assert planned_of(ended, ended.models[0]) == {SCORED.name: 0}


@pytest.mark.parametrize("document", ["run", "result"])
def test_the_schemas_allow_as_many_looks_as_a_plan_has(document: str) -> None:
    most = len(schedule_looks(1000, until_decided=True))
    text = (Path(__file__).parents[1] / "schemas" / f"{document}.v1.schema.json").read_text(encoding="utf-8")
    limits = re.findall(r'"looks": \{"type": "array".*?"maxItems": (\d+)', text)
    assert set(map(int, limits)) == {most}


def test_a_part_that_its_owner_stopped_is_recorded_before_it_is_looked_at(tmp_path: Path) -> None:
    """A look without the stopped model's trials would drop it from every lane for good."""

    def press_ctrl_c(_stage: str, done: int, _total: int, _name: str) -> None:
        if done:
            raise KeyboardInterrupt

    settings = RunSettings(tasks=(SCORED.name,), trials=2, warmups=0, seed=7, idle_s=0.0, until_decided=True)
    with serve((SCORED,)) as demo:
        models = demo.models[:2]
        run = start_run(tmp_path, Config(settings, models), (SCORED,), simulated=True)
        with pytest.raises(KeyboardInterrupt):
            record_run(run, (SCORED,), models, press_ctrl_c)
        run = open_run(run.path)
        score_run(run, (SCORED,), ThreadScorer(TrustingSandbox()), ignore)
        assert run.chain.looks == []
        record_run(run, (SCORED,), models, ignore)
        score_run(run, (SCORED,), ThreadScorer(TrustingSandbox()), ignore)
    (look,) = run.chain.looks
    assert set(look.lanes[0].candidates) == {model.label for model in models}


def test_a_run_whose_server_goes_away_after_a_look_passes_its_own_checks(tmp_path: Path) -> None:
    settings = RunSettings(tasks=(SCORED.name,), trials=2, warmups=0, seed=7, idle_s=0.0, until_decided=True)
    with serve((SCORED,)) as demo, closing(socket.create_server(("127.0.0.1", 0))) as closed:
        models = demo.models[:2]
        run = start_run(tmp_path, Config(settings, models), (SCORED,), simulated=True)
        record_run(run, (SCORED,), models, ignore)
        score_run(run, (SCORED,), ThreadScorer(TrustingSandbox()), ignore)
        run, port = open_run(run.path), closed.getsockname()[1]
        closed.close()
        gone = replace(models[1], base_url=f"http://127.0.0.1:{port}/v1")
        assert len(record_run(run, (SCORED,), (models[0], gone), ignore)) == 1
        score_run(run, (SCORED,), ThreadScorer(TrustingSandbox()), ignore)
    write_result(run, build_result(run))
    candidates = [look.lanes[0].candidates for look in run.chain.looks]
    assert [set(labels) for labels in candidates] == [{model.label for model in models}, {models[0].label}]
    assert _findings(run.path) == set()


def _session(run: RunFolder, models: Sequence[Model]) -> tuple[RunFolder, list[str]]:
    """Record as far as that goes and score; the run as it is read again, and what was said on the way."""
    lines: list[str] = []
    record_run(run, (SCORED,), models, ignore, lines.append)
    score_run(run, (SCORED,), ThreadScorer(TrustingSandbox()), ignore)
    return open_run(run.path), lines


@pytest.mark.parametrize("down", [(0, 1), (1,)], ids=["all", "one"])
def test_a_model_whose_server_is_down_at_the_start_is_waited_for(tmp_path: Path, down: tuple[int, ...]) -> None:
    with serve((SCORED,)) as demo, closing(socket.create_server(("127.0.0.1", 0))) as closed:
        models, port = demo.models[:2], closed.getsockname()[1]
        closed.close()
        gone = [replace(model, base_url=f"http://127.0.0.1:{port}/v1") for model in models]
        at_start = [gone[at] if at in down else model for at, model in enumerate(models)]
        run = start_run(tmp_path, Config(TWO_LOOKS, models), (SCORED,), simulated=True)
        run, lines = _session(run, at_start)
        assert run.chain.looks == []
        waits = [line.partition(" ")[0] for line in lines if "the first look waits for it" in line]
        assert waits == [models[at].label for at in down]
        for trials in (1, 2):
            run, _ = _session(run, models)
            assert run.chain.looks[-1].trials == trials
            assert set(run.chain.looks[-1].lanes[0].candidates) == {model.label for model in models}
    write_result(run, build_result(run))
    assert verify(run.path, VerifyOptions("reread", strict=True, tasks=tasks())).exit_code == 0


def test_a_run_that_is_resumed_without_a_model_goes_on_without_it_and_asks_it_no_more(tmp_path: Path) -> None:
    settings = replace(TWO_LOOKS, trials=3)
    with serve((SCORED,)) as demo, closing(socket.create_server(("127.0.0.1", 0))) as closed:
        models, port = demo.models[:3], closed.getsockname()[1]
        closed.close()
        gone = (*models[:2], replace(models[2], base_url=f"http://127.0.0.1:{port}/v1"))
        run = start_run(tmp_path, Config(settings, models), (SCORED,), simulated=True)
        for looks in (0, 1, 2):
            run, _ = _session(run, gone)
            assert len(run.chain.looks) == looks
        # Its server is up again, and its trials would count for nothing.
        run, _ = _session(run, models)
    assert [set(look.lanes[0].candidates) for look in run.chain.looks] == [{each.label for each in models[:2]}] * 3
    assert not any(key.model == models[2].label for key in run.recorded)
    write_result(run, build_result(run))
    assert verify(run.path, VerifyOptions("reread", tasks=tasks())).exit_code == 0


def test_a_model_that_is_left_out_is_not_waited_for(tmp_path: Path) -> None:
    with serve((SCORED,)) as demo:
        models = (*demo.models[:2], replace(model_of("small"), context_tokens=64))
        run = start_run(tmp_path, Config(TWO_LOOKS, models), (SCORED,), simulated=True)
        for looks in (1, 2):
            run, lines = _session(run, models)
            assert len(run.chain.looks) == looks
            assert any(line.startswith("left out: ") for line in lines) == (looks == 1)
            assert not any("the first look waits for it" in line for line in lines)
    assert {label for look in run.chain.looks for label in look.lanes[0].candidates} == {
        model.label for model in models[:2]
    }
    write_result(run, build_result(run))
    assert verify(run.path, VerifyOptions("reread", tasks=tasks())).exit_code == 0


def test_without_a_trial_of_any_model_a_model_that_is_left_out_is_waited_for_too(tmp_path: Path) -> None:
    run = start_run(tmp_path, Config(TWO_LOOKS, (model_of("a"), model_of("b"))), (SCORED,), simulated=True)
    run.append_model_run(ModelRun("a", stop_reason="too large", is_left_out=True))
    assert unasked_models(run) == ("b",)
    run.append_model_run(ModelRun("b", stop_reason="too large", is_left_out=True))
    assert unasked_models(run) == ("a", "b")


def test_a_model_without_a_trial_is_not_waited_for_when_the_time_is_used(tmp_path: Path) -> None:
    settings = replace(TWO_LOOKS, until_decided=False, budget="1s")
    run = start_run(tmp_path, Config(settings, (model_of("a"), model_of("b"))), (SCORED,), simulated=True)
    assert unasked_models(run) == ("a", "b")
    run.chain.record_s = 1.0
    assert unasked_models(run) == ()


def test_a_session_with_nothing_to_record_leaves_a_finished_run_as_it_is(looked_at: RunFolder, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(looked_at.path, copy)
    run, lines = open_run(copy), list[str]()
    assert record_run(run, (SCORED,), run.plan.models, ignore, lines.append) == []
    assert lines == ["nothing is left to record"]
    assert (copy / LOG).read_bytes() == (looked_at.path / LOG).read_bytes()
    assert verify(copy, VerifyOptions("reread", strict=True, tasks=tasks())).exit_code == 0


def test_a_model_whose_owner_stopped_the_run_stays_in_its_lanes() -> None:
    result = _with_passes(build(Result, good_bundle().result), "nobody")
    models = tuple(replace(model, stop_reason="stopped by its owner") for model in result.models)
    look = take_look(replace(result, models=models), 12, 5.0, time_used=False)
    assert set(look.lanes[0].candidates) == {model.label for model in models}
