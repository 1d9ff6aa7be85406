"""A sound bundle reaches every level that can be checked; what cannot be checked is unverified, with the reason."""

import json
import zipfile
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from harness.bundle import find_results
from harness.bundle.source import RECORDINGS, RESULT
from harness.cli.verification import exit_code, render_verdict
from harness.cluster import ThreadScorer
from harness.errors import EngineError, TaskError
from harness.files import ROOT, plain, to_json
from harness.run import Link, context_needs
from harness.schema import format_version, load_schema
from harness.servers import skip_oversized_tasks
from harness.types import (
    HIDDEN_INPUTS,
    LEVELS,
    MAX_RESULT_TRIALS,
    Finding,
    Json,
    LogEntry,
    Look,
    RecordedTrial,
    Sandbox,
    ScoredTrial,
    Verdict,
)
from harness.verify import VerifyOptions, verify
from harness.verify.level_reports import report_level
from harness.verify.rescored import VERDICT_FREE_METRICS, mask
from harness.verify.run_log import count_resumes
from tests.bundle import TrustingSandbox, good_bundle, summarized, tasks, write_bundle


@contextmanager
def _scripted(languages: tuple[str, ...]) -> Iterator[Sandbox]:
    assert languages == ("python",)
    yield TrustingSandbox()


@contextmanager
def _slow(languages: tuple[str, ...]) -> Iterator[Sandbox]:
    yield TrustingSandbox(slow=True)


@contextmanager
def _broken(languages: tuple[str, ...]) -> Iterator[Sandbox]:
    raise EngineError("no engine answers")
    yield


def _states(verdict: Verdict) -> dict[str, str]:
    return {report.level: report.state for report in verdict.levels}


def _options(level: str = "reread", **more: object) -> VerifyOptions:
    return VerifyOptions(level, tasks=tasks(), **more)  # type: ignore[arg-type]


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return write_bundle(tmp_path / "bundle", good_bundle())


def test_a_sound_bundle_reaches_reread(good: Path) -> None:
    verdict = verify(good, _options())
    assert [(report.level, report.state) for report in verdict.levels[:4]] == [
        (level, "reached") for level in LEVELS[:4]
    ]
    notes = [finding for report in verdict.levels for finding in report.findings]
    assert [(note.check, note.severity) for note in notes] == [("clocks", "info")]
    assert "alpha 9.79 ms, half of them from" in notes[0].message
    assert verdict.exit_code == 0


def test_a_zip_of_the_bundle_reaches_reread(good: Path, tmp_path: Path) -> None:
    path = tmp_path / "bundle.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in good.iterdir():
            archive.write(file, file.name)
    assert verify(path, _options()).exit_code == 0


@pytest.mark.parametrize("limits", [None, {"case_timeout_s": 1.0}])
def test_other_limits_than_those_of_the_task_are_found(tmp_path: Path, limits: Json) -> None:
    bundle = good_bundle()
    task = next(task for task in bundle.result["tasks"] if task["limits"] is not None)
    task["limits"] = None if limits is None else {**task["limits"], **limits}
    verdict = verify(write_bundle(tmp_path / "run", bundle), _options())
    assert [finding.check for finding in verdict.levels[2].findings] == ["tasks"]


@pytest.mark.parametrize(("stage", "severity"), [(None, "error"), ("record", "warning"), ("score", "error")])
def test_models_that_ran_one_after_the_other_took_no_two_turns(
    tmp_path: Path, stage: str | None, severity: str
) -> None:
    """Recording that was resumed may owe a pass; scoring again changes no order."""
    bundle = good_bundle()
    kept = [at for at, trial in enumerate(bundle.result["trials"]) if not trial["warmup"]]
    bundle.result["trials"] = [bundle.result["trials"][at] for at in kept]
    bundle.result["run"] |= {"warmups": 0, "passes": 2}
    lines = [[part[at] for at in kept] for part in (bundle.recordings, bundle.scores)]
    again = [
        {**entry, "event": "resume"} for entry in bundle.log if (entry["event"], entry["stage"]) == ("start", stage)
    ]
    log = [*bundle.log, *again]
    forged = summarized(replace(bundle, recordings=lines[0], scores=lines[1], log=log))
    report = verify(write_bundle(tmp_path / "forged", forged), VerifyOptions("reread", tasks=tasks())).levels[3]
    severities = [each.severity for each in report.findings if "the models took other turns" in each.message]
    assert severities == [severity]


def test_a_resume_that_a_look_ended_for_is_no_interruption() -> None:
    """Each session of a sequential run after a look resumes recording, as it was planned."""
    entry = LogEntry("start", "record", "2026-01-01T00:00:00.000+00:00", 0, None)
    look = replace(entry, event="look", look=Look(1, (), None, 1.0))
    stop, resume = replace(entry, event="stop"), replace(entry, event="resume")
    for log, count in (([entry, look, stop, resume], 0), ([entry, look, stop, resume, stop, resume], 1)):
        assert count_resumes(Link("", None, "", each) for each in log) == count


def test_a_model_that_was_stopped_after_all_of_its_trials_is_noted(tmp_path: Path) -> None:
    bundle = good_bundle()
    bundle.result["models"][0]["stop_reason"] = "the server ended"
    path = write_bundle(tmp_path / "stopped", summarized(bundle))
    report = verify(path, VerifyOptions("consistent", tasks=tasks())).levels[2]
    (note,) = [finding for finding in report.findings if finding.check == "trials"]
    assert (report.state, note.severity) == ("reached", "info")
    assert note.message == "alpha has all its planned trials, and says that it was stopped: the server ended"


def test_a_single_result_file_reaches_consistent_only(good: Path) -> None:
    verdict = verify(good / RESULT, _options())
    assert _states(verdict)["consistent"] == "reached"
    assert _states(verdict)["reread"] == "unverified"
    assert "recordings.jsonl" in verdict.levels[3].detail
    assert verdict.exit_code == 2
    assert verify(good / RESULT, _options("consistent")).exit_code == 0


def test_levels_beyond_the_requested_one_are_not_checked(good: Path) -> None:
    assert _states(verify(good, _options("schema")))["consistent"] == "not_requested"


def test_unknown_tasks_leave_the_result_unverified(good: Path) -> None:
    verdict = verify(good, VerifyOptions("reread"))
    assert _states(verdict)["consistent"] == "unverified"
    assert "known locally" in verdict.levels[2].detail
    assert "--tasks" in render_verdict(verdict)
    assert verdict.exit_code == 2


def test_a_failed_level_outweighs_an_unverified_one(good: Path) -> None:
    bundle = good_bundle()
    bundle.result["cells"][0]["pass_rate"]["passed"] = 1
    verdict = verify(write_bundle(good, bundle), VerifyOptions("reread"))
    assert _states(verdict)["consistent"] == "failed"
    assert verdict.exit_code == 1


def test_answers_scored_again_get_the_same_verdicts(good: Path) -> None:
    verdict = verify(good, _options("rescored", open_sandbox=_scripted))
    assert verdict.levels[4].state == "reached"
    assert verdict.exit_code == 0


def test_a_verdict_that_the_answer_does_not_get_is_found(good: Path) -> None:
    bundle = good_bundle()
    at = next(at for at, trial in enumerate(bundle.result["trials"]) if trial["outcome"] == "failed")
    whole = [{**check, "passed": True} for check in bundle.result["trials"][at]["checks"]]
    bundle.result["trials"][at] |= {"outcome": "passed", "fraction": 1.0, "checks": whole}
    bundle.scores[at]["score"] |= {"outcome": "passed", "fraction": 1.0, "checks": whole}
    verdict = verify(write_bundle(good, summarized(bundle)), _options("rescored", open_sandbox=_scripted))
    assert [report.state for report in verdict.levels[:5]] == ["reached"] * 4 + ["failed"]
    assert [finding.check for finding in verdict.levels[4].findings] == ["rescored"]
    assert "beta / code-bugfix / trial 1 is passed, scored again it is failed" in verdict.levels[4].findings[0].message


def test_invented_inputs_of_hidden_cases_are_found(good: Path) -> None:
    bundle = good_bundle()
    for score in (bundle.result["trials"][0], bundle.scores[0]["score"]):
        score["metrics"][HIDDEN_INPUTS] = {"first-place": {"args": [1]}}
    verdict = verify(write_bundle(good, bundle), _options("rescored", open_sandbox=_scripted))
    assert [report.state for report in verdict.levels[:5]] == ["reached"] * 4 + ["failed"]
    assert "other inputs of its hidden cases" in verdict.levels[4].findings[0].message


@pytest.mark.parametrize(("field", "value"), [("observed", "nearly right"), ("note", "crashed: by itself")])
def test_another_value_or_error_of_code_leaves_rescored_unverified(good: Path, field: str, value: str) -> None:
    bundle = good_bundle()
    at = next(at for at, trial in enumerate(bundle.result["trials"]) if trial["outcome"] == "failed")
    for score in (bundle.result["trials"][at], bundle.scores[at]["score"]):
        score["checks"][0] |= {field: value}
    verdict = verify(write_bundle(good, bundle), _options("rescored", open_sandbox=_scripted))
    assert verdict.levels[4].state == "unverified"
    assert f'is "{value}", expected ' in verdict.levels[4].detail


def test_addresses_times_and_durations_in_what_code_shows_are_not_compared() -> None:
    shown = [f"<A object at {address}> {at} in {took}" for address, at, took in (
        ("0x7f31aabb", "12:31:07", "0.013s"), ("0x55d0", "9:00:59.25", "12.1 ms"),
    )]  # fmt: skip
    assert mask({"raises": [shown[0]]}) == mask({"raises": [shown[1]]}) != mask({"raises": ["<A object at b>"]})
    assert mask([1, 2.5, None, True, "2 s"]) == [1, 2.5, None, True, "2 s"]


@pytest.mark.parametrize("name", sorted(VERDICT_FREE_METRICS))
def test_a_metric_of_the_machine_is_not_compared(good: Path, name: str) -> None:
    bundle = good_bundle()
    for score in (bundle.result["trials"][0], bundle.scores[0]["score"]):
        score["metrics"][name] = ["timed_out"]
    verdict = verify(write_bundle(good, bundle), _options("rescored", open_sandbox=_scripted))
    assert verdict.levels[4].state == "reached"


class LintingScorer:
    """Scores like any other, and gives each answer the same remarks of a linter."""

    def __init__(self, remarks: Json) -> None:
        self.remarks = remarks

    def score_all(self, trials: Iterable[RecordedTrial], case_seed: str) -> Generator[ScoredTrial, None, None]:
        for scored in ThreadScorer(TrustingSandbox()).score_all(trials, case_seed):
            metrics = {**scored.score.metrics, "lint": self.remarks}
            yield replace(scored, score=replace(scored.score, metrics=metrics))


@pytest.mark.parametrize(
    ("stated", "found", "count"), [({"error": 9}, {"error": 1}, 14), ({"error": 9}, None, 0), (None, {"error": 1}, 0)]
)
def test_other_remarks_of_a_linter_are_a_warning_and_missing_ones_are_free(
    stated: Json, found: Json, count: int, good: Path
) -> None:
    bundle = good_bundle()
    for trial, line in zip(bundle.result["trials"], bundle.scores, strict=True):
        trial["metrics"]["lint"] = line["score"]["metrics"]["lint"] = stated
    options = _options("rescored", open_sandbox=_scripted, open_scorer=lambda _: nullcontext(LintingScorer(found)))
    verdict = verify(write_bundle(good, summarized(bundle)), options)
    findings = verdict.levels[4].findings
    assert [finding.severity for finding in findings] == ["warning"] * count
    assert all("other remarks of the linter" in finding.message for finding in findings)


def test_a_slow_machine_leaves_rescored_unverified(good: Path) -> None:
    verdict = verify(good, _options("rescored", open_sandbox=_slow))
    assert _states(verdict)["rescored"] == "unverified"


def test_without_an_engine_rescored_is_unverified(good: Path) -> None:
    verdict = verify(good, _options("rescored", open_sandbox=_broken))
    assert verdict.levels[4].detail == "no engine answers"
    assert verdict.exit_code == 2


def test_a_task_that_does_not_hold_on_this_machine_leaves_rescored_unverified(good: Path) -> None:
    @contextmanager
    def busy(languages: tuple[str, ...]) -> Iterator[Sandbox]:
        raise TaskError("generator and solution disagree on 1 of 21 cases: no end within 5 s")
        yield

    verdict = verify(good, _options("rescored", open_sandbox=busy))
    assert "no end within 5 s" in verdict.levels[4].detail
    assert verdict.exit_code == 2


def test_answers_that_are_not_those_of_the_recordings_are_not_run(good: Path) -> None:
    bundle = good_bundle()
    bundle.result["trials"][0]["extraction_rule"] = "another"
    verdict = verify(write_bundle(good, bundle), _options("rescored", open_sandbox=_scripted))
    assert _states(verdict)["reread"] == "failed"
    assert _states(verdict)["rescored"] == "unverified"


def test_warnings_fail_their_level_in_strict_mode_only(good: Path) -> None:
    bundle = good_bundle()
    bundle.result["host"]["chip"] = "Apple M1"
    bundle.result["models"][1]["facts"] = {"parameters_b": 70.0, "bits_per_weight": 16.0}
    write_bundle(good, summarized(bundle))
    relaxed, strict = verify(good, _options()), verify(good, _options(strict=True))
    assert [(finding.check, finding.severity) for finding in relaxed.levels[2].findings] == [("roofline", "warning")]
    assert (relaxed.exit_code, strict.exit_code) == (0, 1)


def test_a_result_from_before_few_trials_counted_those_that_were_run_gets_the_warning(good: Path) -> None:
    bundle = good_bundle()
    stated = bundle.result["warnings"]
    bundle.result["warnings"] = [warning for warning in stated if warning["code"] != "few_trials"]
    assert len(bundle.result["warnings"]) < len(stated)
    # Here the plan itself has few trials, so that every version of the kit warned of it.
    assert _states(verify(write_bundle(good, bundle), _options()))["consistent"] == "failed"
    early_end = next(path for path in (ROOT / "results").glob("*.zip") if "065743" in path.name)
    found = verify(early_end, _options("consistent")).levels[2].findings
    (finding,) = (each for each in found if each.check == "warnings")
    assert finding.severity == "warning"
    assert "does not warn: 5 trials per task" in finding.message
    # No other run is excused: a new one that lacks the warning left it out.
    with zipfile.ZipFile(early_end) as archive:
        other = json.loads(archive.read(RESULT))
    other["digests"]["recordings_sha256"] = "0" * 64
    (good / RESULT).write_text(to_json(other), encoding="utf-8")
    found = verify(good / RESULT, _options("consistent")).levels[2].findings
    assert {each.severity for each in found if each.check == "warnings"} == {"error"}


def test_every_line_names_its_level(good: Path) -> None:
    shown = render_verdict(verify(good, _options()))
    assert "verified" not in shown
    assert "consistent (arithmetic) reached" in shown
    assert "rescored (rescore)" in shown


def test_findings_name_their_check_and_their_location(good: Path) -> None:
    bundle = good_bundle()
    bundle.result["cells"][0]["pass_rate"]["low"] = 0.9
    shown = render_verdict(verify(write_bundle(good, bundle), _options()))
    assert "error [cells]" in shown
    assert "$.cells[0].pass_rate.low: is 0.9, expected" in shown


@pytest.mark.parametrize(
    ("looks", "stop", "state"),
    [
        ([1000], "budget", "reached"),
        ([3, 1000], "budget", "reached"),
        ([3, 1000], "decided", "reached"),
        ([3, 1000], None, "failed"),
        ([1000], "decided", "failed"),
    ],
)
def test_the_last_look_bounds_what_a_sequential_run_planned(
    looks: list[int], stop: str | None, state: str, good: Path
) -> None:
    bundle = good_bundle()
    lanes = bundle.result["lanes"]
    lane = {**lanes[0], "override": None}
    design = {"looks": looks, "budget_s": 10.0, "lanes": [lane], "hypotheses": 2, "nominal_level": 0.02}
    bundle.result["run"] |= {"trials": 1000, "design": design, "looks": [_look(stop)]}
    task = bundle.result["tasks"][0]
    bundle.result["tasks"] += [{**task, "name": f"other-{at}"} for at in range(60)]
    verdict = verify(write_bundle(good, bundle), _options("schema"))
    assert [report.state for report in verdict.levels[:2]] == ["reached", state], verdict.levels[1]


def _look(stop: str | None) -> Json:
    return {"trials": 3, "lanes": [], "stop": stop, "elapsed_s": 1.0}


def test_the_schema_allows_as_many_trials_as_a_plan_may_have() -> None:
    assert load_schema("result")["properties"]["trials"]["maxItems"] == MAX_RESULT_TRIALS


def test_a_clock_that_is_set_back_by_a_century_again_and_again_stays_within_the_calendar(good: Path) -> None:
    bundle = good_bundle()
    bundle.result["trials"] *= 5
    for at, trial in enumerate(bundle.result["trials"]):
        century = "2000-01-01" if at % 2 else "2099-12-31"
        trial_times = {"started_at": f"{century}T00:00:00Z", "started_ns": at % 2, "ended_ns": 2}
        bundle.result["trials"][at] = {**trial, **trial_times}
    verdict = verify(write_bundle(good, bundle), _options("consistent"))
    assert "trial-times" in {finding.check for finding in verdict.levels[2].findings}


def test_control_characters_in_untrusted_names_are_escaped(tmp_path: Path) -> None:
    path = tmp_path / "\x1b[2Jx"
    path.mkdir()
    (path / RESULT).write_text(json.dumps({"schema_version": format_version("result"), "\x1b]0;evil\x07": 1}))
    shown = render_verdict(verify(path, _options()))
    assert "\x1b" not in shown
    assert "\x07" not in shown


def test_a_folder_of_results_gives_each_of_them(good: Path, tmp_path: Path) -> None:
    (tmp_path / "other.zip").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("nothing")
    assert find_results(tmp_path) == [good, tmp_path / "other.zip"]
    assert find_results(good) == [good]
    assert find_results(good / RECORDINGS) == [good / RECORDINGS]


def test_the_worst_of_several_results_decides_the_exit_code(good: Path, tmp_path: Path) -> None:
    fine, lacking = verify(good, _options()), verify(good / RESULT, _options())
    gone = verify(tmp_path / "nowhere", _options())
    assert exit_code([fine]) == 0
    assert exit_code([fine, lacking]) == 2
    assert exit_code([fine, lacking, gone]) == 1


def test_fifty_findings_of_a_check_are_told_and_the_others_counted() -> None:
    findings = [Finding("rates", f"line {number}", "wrong") for number in range(120)]
    report = report_level("consistent", "", [*findings, Finding("cells", "line 0", "wrong")], strict=False)
    assert [finding.check for finding in report.findings] == ["rates"] * 50 + ["cells", "rates"]
    assert report.findings[-1].message == "70 more findings of this check"


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b"])
def test_a_path_that_no_file_can_have_is_a_finding(name: str) -> None:
    (finding,) = verify(Path(name), _options()).levels[0].findings
    assert "cannot be opened" in finding.message


@pytest.mark.parametrize(("cached", "expected"), [(399, []), (900, ["900 tokens, more than the 700"])])
def test_cached_tokens_are_part_of_the_prompt_that_a_context_holds(
    cached: int, expected: list[str], tmp_path: Path
) -> None:
    bundle = good_bundle()
    model, trials = bundle.result["models"][0], bundle.result["trials"]
    skipped = skip_oversized_tasks(context_needs(list(tasks().values()), 0, 0), 700)
    model |= {"served_context_tokens": 700, "skipped": plain(skipped)}
    kept = [trial for trial in trials if (trial["model"], trial["task"]) != (model["label"], skipped[0].task)]
    kept[1]["turns"][0]["usage"] |= {"cached_tokens": cached}
    bundle.result["trials"] = kept
    verdict = verify(write_bundle(tmp_path / "bundle", summarized(bundle)), _options("consistent"))
    found = [finding.message for report in verdict.levels for finding in report.findings if finding.check == "skipped"]
    assert [name.task for name in skipped] == ["code-bugfix"]
    assert len(found) == len(expected)
    assert all(text in message for text, message in zip(expected, found, strict=True))
