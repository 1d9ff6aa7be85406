"""The probe itself: sends the questions one after the other and puts the findings together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.errors import ServerError
from harness.files import find_data
from harness.record import TurnRequest, record
from harness.servers.probe.context_cap import LongPrompt, plan_long, window
from harness.servers.probe.requests import SHORT_CHARS, Question, long_question, short_questions
from harness.servers.probe.stream import ProbeReply, finding, hear, observe
from harness.servers.probe.switches import cache, sampling, thinking
from harness.servers.query import ServerHandle, list_models, query_model_context, query_served_context, query_version
from harness.types import ProbeFinding, ProbeReport, Recording, TrialKey

CHARS_PER_TOKEN = 4.0


def filler() -> str:
    """Real prose of the kit, to fill prompts with."""
    return find_data("fixtures/_library/handbook.md").read_text(encoding="utf-8")


def ask(asked: ServerHandle, question: Question) -> Recording:
    """Ask one question and keep the reply. Raises ServerError where no connection could be made."""
    url = f"{asked.model.base_url.rstrip('/')}/chat/completions"
    key = TrialKey(asked.model.label, f"probe {question.name}", 0)
    recording = record(asked.client, TurnRequest(key, 0, 0, url, question.body, asked.secret))
    if recording.end_reason == "connect_failed":
        raise ServerError(f"{url}: {recording.error}; the server went away during the probe")
    return recording


def _with_a_model(asked: ServerHandle, listed: Sequence[str]) -> ServerHandle:
    """The model that was named, else the only one that is listed. Raises ServerError where there is a choice."""
    if asked.model.model:
        return asked
    if len(listed) == 1:
        return replace(asked, model=replace(asked.model, model=listed[0]))
    found = f"it lists {', '.join(listed)}" if listed else "it lists none"
    raise ServerError(f"{asked.model.base_url}: name the model to ask with --model: {found}")


def _chars_per_token(heard: ProbeReply) -> float:
    usage = heard.reading.usage
    if usage is None or not usage.prompt_tokens:
        return CHARS_PER_TOKEN
    return SHORT_CHARS / usage.prompt_tokens


def _ask_long(asked: ServerHandle, prompt: LongPrompt, ratio: float) -> ProbeReply:
    question = long_question(asked.kind, asked.model.model, filler(), int(prompt.tokens * ratio))
    return hear(ask(asked, question))


def _first_error(recording: Recording) -> None:
    """The first question must be answered: without it nothing else means anything."""
    error = hear(recording).reading.error
    if error is not None:
        raise ServerError(
            f"{recording.url}: the first request failed: {error.message[:200]}; correct --model, --server or the key"
        )


def _refused(replies: Mapping[str, ProbeReply]) -> ProbeFinding:
    """The questions that were not answered: a field that the server refuses is as good to know as one it ignores."""
    errors = {name: heard.reading.error for name, heard in replies.items()}
    told = {name: error.message[:80] for name, error in errors.items() if error is not None}
    return finding(
        "refused_questions", None, sorted(told), "; ".join(f"{name}: {why}" for name, why in told.items()) or None
    )


def _window(
    asked: ServerHandle, served: int | None, wanted: int | None, ratio: float
) -> tuple[int | None, tuple[ProbeFinding, ...], tuple[Recording, ...]]:
    prompt = plan_long(asked.kind, served, wanted)
    heard = _ask_long(asked, prompt, ratio)
    probed, findings = window(asked.kind, heard, prompt)
    return probed, findings, (heard.recording,)


def probe(asked: ServerHandle, *, long: bool = True, long_tokens: int | None = None) -> ProbeReport:
    """Ask a live server. `long_tokens` overrides the length of the long request. Raises ServerError."""
    listed = list_models(asked)
    asked = _with_a_model(asked, listed)
    questions = short_questions(asked.kind, asked.model.model, filler())
    first = ask(asked, questions[0])
    _first_error(first)
    recordings = {questions[0].name: first} | {one.name: ask(asked, one) for one in questions[1:]}
    replies = {name: hear(recording) for name, recording in recordings.items()}
    served = query_served_context(asked)
    probed, met, more = (
        _window(asked, served, long_tokens, _chars_per_token(replies["first"])) if long else (None, (), ())
    )
    findings = (
        finding("model_listed", None, asked.model.model in listed),
        _refused(replies),
        *observe([*recordings.values(), *more], asked.kind),
        *thinking(replies, asked.kind),
        *cache(replies, asked.kind),
        *sampling(replies, asked.kind),
        *met,
    )
    return ProbeReport(
        server=asked.kind.name,
        model=asked.model.model,
        models=listed,
        version=query_version(asked),
        context_configured=asked.model.context_tokens,
        context_reported=served,
        context_model=query_model_context(asked),
        context_probed=probed,
        findings=findings,
        short_requests=len(questions),
        long_requests=len(more),
    )
