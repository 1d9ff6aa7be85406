"""`verify` expects the requests that `converse` sends, for every shape of a trial, and reports any other."""

import html
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from harness.bundle import PublishRequest, ReadLimits, SourceReader, open_source, publish
from harness.demo import Answers, serve_answers
from harness.demo.answers import all_variants
from harness.files import build, to_json
from harness.read import read
from harness.record import CLOCK_WRAP_NS, Client, Timeouts
from harness.report import render_github, render_html, render_text
from harness.run.chain import PREVIOUS
from harness.run.conversation import TrialSetup, converse
from harness.run.plan import task_info, trial_nonce
from harness.schema import as_document
from harness.servers import ServerHandle, get_server_kind, thinking_allowance
from harness.summarize import trial_result
from harness.tasks import find_fixtures, load_tasks, vary
from harness.types import (
    Json,
    Model,
    Outcome,
    Recording,
    Result,
    Score,
    ScoredTrial,
    Task,
    ToolCall,
    TrialKey,
    TrialResult,
)
from harness.verify import VerifyOptions, verify
from harness.verify.evidence import Evidence
from harness.verify.recording_lines import RereadTurn, reread_batch
from harness.verify.requests import MIN_TOKENS_PER_CALL, find_request_problems
from harness.verify.turn_sequence import MAX_LATE_START_S, TurnSequence
from harness.virtual_tools import tool_definitions
from tests.bundle import SEED, Bundle, bundle_with, good_bundle, summarized, tasks, texts_of, write_bundle
from tests.samples import model_at
from tests.scripted_server import serve_scripted
from tests.test_run_conversation_tools import calling, saying

MAX_ANSWER_CHARS = 200
SHAPES = {
    "one conversation of one turn": "code-bugfix",
    "one conversation of several turns": "chat-cold-warm",
    "separate turns": "chat-cold-control",
    "concurrent clients": "speed-parallel",
    "a loop of tool calls": "agent-loop",
}


def _task(name: str) -> Task:
    (task,) = load_tasks([find_fixtures()], names=[name])
    return task


def _recorded(task: Task, key: TrialKey) -> tuple[Model, list[Recording]]:
    short = (replace(v, solution=tuple(text[:MAX_ANSWER_CHARS] for text in v.solution)) for v in all_variants([task]))
    with serve_answers(Answers(short)) as demo:
        model = replace(demo.models[0], thinking="off")
        return model, _recordings(model, task, key)


def _recordings(model: Model, task: Task, key: TrialKey) -> list[Recording]:
    with Client(Timeouts(connect_s=5.0, read_s=60.0)) as client:
        server = ServerHandle(model, get_server_kind(model.server))
        tokens = thinking_allowance(model, server.kind, None, 8192)
        return list(converse(client, server, TrialSetup(key, vary(task, key.trial), trial_nonce(SEED, key), tokens)))


def _recorded_loop(task: Task, key: TrialKey) -> tuple[Model, list[Recording]]:
    """A tool loop: a search, a call with invalid arguments, and an answer that ends it."""
    answers = [calling("grep", '{"pattern": "def"}'), calling("read_file", "{broken", None), saying("Done.")]
    with serve_scripted(answers) as server:
        model = replace(model_at(""), label=key.model, base_url=server.base_url)
        return model, _recordings(model, task, key)


def _evidence(task: Task, model: Model) -> Evidence:
    result = build(Result, good_bundle().result)
    info = replace(
        result.models[0],
        label=model.label,
        server=model.server,
        model=model.model,
        thinking=model.thinking,
        sampling=model.sampling,
    )
    source, _ = open_source(find_fixtures(), ReadLimits())
    assert source is not None
    changed = replace(result, models=(info,), tasks=(task_info(task),), run=replace(result.run, seed=SEED))
    return Evidence(SourceReader("source", source, ReadLimits()), {}, changed, {task.name: task})


def _reread(recordings: Sequence[Recording]) -> list[RereadTurn]:
    lines = [
        (at, (to_json({**as_document("recording", recording), PREVIOUS: "0" * 64}) + "\n").encode())
        for at, recording in enumerate(recordings, 1)
    ]
    turns = reread_batch(lines, "recordings.jsonl")
    assert [turn.findings for turn in turns] == [()] * len(turns)
    return turns


def _trial(recordings: Sequence[Recording], key: TrialKey) -> TrialResult:
    scored = ScoredTrial(key, recordings[0].variant, Score(Outcome.NO_ANSWER, 0.0, ()))
    return trial_result(list(recordings), [read(recording) for recording in recordings], scored)


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_sent_requests_are_expected_and_a_changed_message_is_reported(shape: str) -> None:
    task = _task(SHAPES[shape])
    key = TrialKey("demo-steady", task.name, 1)
    model, recordings = (_recorded_loop if task.scorer == "tools" else _recorded)(task, key)
    evidence, trial = _evidence(task, model), _trial(recordings, key)
    assert len(recordings) > 1 or shape == "one conversation of one turn"
    assert list(find_request_problems(evidence, trial, _reread(recordings))) == []
    last = recordings[-1]
    messages = [*last.request["messages"][:-1], {"role": "user", "content": "Say: 42."}]
    forged = [*recordings[:-1], replace(last, request={**last.request, "messages": messages})]
    (problem,) = find_request_problems(evidence, trial, _reread(forged))
    assert problem[0] == len(recordings)
    assert "the messages are not those of the task" in problem[1]


def test_a_tool_loop_is_followed_as_far_as_its_requests_are_the_expected_ones() -> None:
    task, key = _task("agent-loop"), TrialKey("demo-steady", "agent-loop", 1)
    model, recordings = _recorded_loop(task, key)
    evidence, trial = _evidence(task, model), _trial(recordings, key)
    forged = [
        recordings[0],
        *(replace(each, request={**each.request, "messages": each.request["messages"][:1]}) for each in recordings[1:]),
    ]
    (problem,) = find_request_problems(evidence, trial, _reread(forged))
    assert problem[0] == 2


@pytest.mark.parametrize("excess", [0, 1])
def test_more_calls_than_a_reply_has_tokens_for_are_not_answered(excess: int) -> None:
    """Each call may search every file: 20,000 of them took a quarter of a minute, in a file of 4 MB."""
    task, key = _task("agent-loop"), TrialKey("demo-steady", "agent-loop", 1)
    model, recordings = _recorded_loop(task, key)
    evidence, turns = _evidence(task, model), _reread(recordings)
    first = turns[0].trial
    assert first is not None
    calls = recordings[0].request["max_tokens"] // MIN_TOKENS_PER_CALL + excess
    reply = replace(first.turns[0], tool_calls=(ToolCall("c", "none", "{}"),) * calls)
    forged = [replace(turns[0], trial=replace(first, turns=(reply,))), *turns[1:]]
    (problem,) = find_request_problems(evidence, _trial(recordings, key), forged)
    assert ("has room for" in problem[1]) == bool(excess)


def _recorded_turns(shape: str) -> tuple[Task, list[Recording]]:
    """A task of that shape, and the turns of its second trial."""
    task = _task(SHAPES[shape])
    record_trial = _recorded_loop if task.scorer == "tools" else _recorded
    return task, record_trial(task, TrialKey("demo-steady", task.name, 1))[1]


def _sequence_problems(task: Task, recordings: Sequence[Recording], severity: str = "error") -> list[str]:
    """What is wrong with the turns of a task's second trial, one after the other."""
    sequence = TurnSequence(vary(task, 1))
    found = [problem for turn in _reread(recordings) for problem in sequence.add(turn)]
    assert {each for _, each in found} <= {severity}
    return [message for message, _ in found]


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_a_trial_that_is_cut_or_goes_on_after_its_end_is_found(shape: str) -> None:
    task, recordings = _recorded_turns(shape)
    assert _sequence_problems(task, recordings) == []
    assert _sequence_problems(task, recordings[:-1]) == []
    (goes_on,) = _sequence_problems(task, [*recordings[:-1], replace(recordings[-1], last_turn=False)])
    assert "is said not to" in goes_on
    if len(recordings) > 1:
        (cut,) = _sequence_problems(task, [*recordings[:-2], replace(recordings[-2], last_turn=True)])
        assert "the trial goes on" in cut


@pytest.mark.parametrize("shape", sorted(set(SHAPES) - {"one conversation of one turn"}))
def test_a_turn_that_was_sent_before_another_one_had_ended_is_found(shape: str) -> None:
    task, recordings = _recorded_turns(shape)
    first_ns = recordings[0].sent_ns
    found = _sequence_problems(task, [replace(turn, sent_ns=first_ns) for turn in recordings])
    # The first client is a group of its own; those of a later group may overlap each other.
    assert found == ["was sent before turn 0 had ended"] * (len(recordings) - 1)
    near_wrap = [
        replace(turn, sent_ns=((turn.sent_ns or 0) - (recordings[-1].sent_ns or 0)) % CLOCK_WRAP_NS)
        for turn in recordings
    ]
    assert _sequence_problems(task, near_wrap) == []


def test_a_client_that_was_sent_long_after_the_others_of_its_group_is_a_warning() -> None:
    task, recordings = _recorded_turns("concurrent clients")
    late_ns = (recordings[-1].sent_ns or 0) + int((MAX_LATE_START_S + 1) * 1e9)
    (late,) = _sequence_problems(task, [*recordings[:-1], replace(recordings[-1], sent_ns=late_ns)], "warning")
    assert late == "was not sent at the same time as turn 7, as clients of one group are"


def test_other_tools_than_those_of_the_task_are_reported() -> None:
    task = _task("agent-loop")
    key = TrialKey("demo-steady", task.name, 0)
    model, recordings = _recorded_loop(task, key)
    first = recordings[0]
    forged = [replace(first, request={**first.request, "tools": tool_definitions(["read_file"])}), *recordings[1:]]
    problems = list(find_request_problems(_evidence(task, model), _trial(recordings, key), _reread(forged)))
    assert [number for number, _ in problems] == [1]
    assert "'tools'" in problems[0][1]


GRAMMAR = "root ::= " + "'def encode(text): return text' " * 9
HIDDEN = {"grammar": GRAMMAR, "prediction": {"type": "content", "content": "def f(): ..."}, "best_of": 16}


def _verified(folder: Path, bundle: Bundle) -> list[tuple[str, str]]:
    """The problems of a bundle up to reread, with the ids of their checks."""
    verdict = verify(write_bundle(folder, bundle), VerifyOptions("reread", tasks=tasks()))
    findings = [finding for report in verdict.levels for finding in report.findings]
    return [(finding.check, finding.message) for finding in findings if finding.severity != "info"]


@pytest.mark.parametrize("name", sorted(HIDDEN))
def test_a_field_that_the_result_does_not_state_is_found(name: str, tmp_path: Path) -> None:
    bundle = good_bundle()
    bundle.recordings[1]["request"][name] = HIDDEN[name]
    ((check, message),) = _verified(tmp_path / "bundle", bundle)
    assert check == "requests"
    assert f"the request has {name!r}" in message


def test_a_stated_field_that_was_not_sent_is_found(tmp_path: Path) -> None:
    bundle = good_bundle()
    bundle.result["models"][0]["extra"] = {"best_of": 16}
    found = _verified(tmp_path / "bundle", summarized(bundle))
    assert {check for check, _ in found} == {"requests"}
    assert "the request lacks 'best_of', which the result states" in found[0][1]


def test_fields_that_are_the_runs_own_cannot_be_stated_as_extra(tmp_path: Path) -> None:
    for name, value in (("model", "a-cloud-model"), ("max_tokens", 5), ("stream_options", {}), ("n", 2)):
        bundle, _ = bundle_with(extra={name: value})
        assert ("requests", f"overrides {name!r}, which is the run's own") in _verified(tmp_path / name, bundle)


def test_a_result_that_states_another_api_than_its_requests_went_to_is_found(tmp_path: Path) -> None:
    bundle = good_bundle()
    bundle.result["models"][0]["api"] = "responses"
    found = _verified(tmp_path / "bundle", summarized(bundle))
    assert {check for check, _ in found} == {"requests"}
    assert "the request went to the Chat Completions API, the result states Responses" in found[0][1]


OVERRIDES: dict[str, Json] = {
    "top_p": 0.9,
    "chat_template_kwargs": {"preserve_thinking": True},
    "repetition_penalty": 1.1,
}


def test_extra_that_overrides_sampling_and_adds_to_the_template_is_published_and_shown(tmp_path: Path) -> None:
    bundle, plan = bundle_with(extra=OVERRIDES)
    run = tmp_path / "run"
    run.mkdir()
    for name, text in (texts_of(bundle) | {"run.json": to_json(as_document("run", plan))}).items():
        (run / name).write_text(text, encoding="utf-8")
    options = VerifyOptions("reread", tasks=tasks())
    published = publish(PublishRequest(run, tmp_path / "out", lambda folder: verify(folder, options)))
    assert verify(published, replace(options, strict=True)).exit_code == 0
    assert bundle.recordings[0]["request"]["chat_template_kwargs"] == {
        "enable_thinking": False,
        "preserve_thinking": True,
    }
    result = build(Result, bundle.result)
    text, page, github = (" ".join(render(result).split()) for render in (render_text, render_html, render_github))
    for shown in (text, html.unescape(page), html.unescape(github)):
        assert 'alpha sends further fields in each request: chat_template_kwargs {"preserve_thinking": true}' in shown
        assert "temperature 0.0, top_p 0.9" in shown or "temperature 0, top_p 0.9" in shown
        assert "fields of the user's own (chat_template_kwargs, repetition_penalty, top_p)" in shown


def test_a_grammar_is_shown_with_its_beginning_and_its_length() -> None:
    bundle, _ = bundle_with(extra={"grammar": GRAMMAR})
    for shown in (render_text(build(Result, bundle.result)), render_html(build(Result, bundle.result))):
        flat = " ".join(shown.split())
        assert "alpha sends further fields in each request: grammar" in flat
        assert f"({len(to_json(GRAMMAR))} characters)" in flat
