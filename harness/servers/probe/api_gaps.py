"""Asks a live server what an API needs of it: text, tools, thinking, counts, limits; one finding for each, gaps named.

`probe_api` sends about a dozen short requests over one API and yields a finding as soon as it has it. A finding says
`observed` True (it works), False (a gap) or None (the model did not show it); its note is the gap in a line. `stated`
is False for what the API itself does not have.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from harness.apis import Api, get_api
from harness.record import Client
from harness.servers.probe.requests import ProbeRequest, greedy_body
from harness.servers.probe.run import read_filler, send, with_model
from harness.servers.probe.stream import ProbeReply, read_reply
from harness.servers.query import ServerHandle, list_models
from harness.types import Json, ProbeFinding, StreamError

TEXT_TOKENS, CALL_TOKENS, CUT_TOKENS = 24, 160, 4
OVERFLOW_CHARS = 4_000_000
"""About a million tokens: more than nearly any server allots."""
_NO_CALL = "the model called no tool: a larger one may"
_TOOL: Json = {
    "type": "function",
    "function": {
        "name": "read_file",
        "description": "Read a file.",
        "parameters": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
    },
}


@dataclass(frozen=True, slots=True)
class _Questions:
    """A server over one API, and what it can be asked."""

    server: ServerHandle
    client: Client
    api: Api

    def ask(self, text: str, max_tokens: int = TEXT_TOKENS, fields: Mapping[str, Json] | None = None) -> ProbeReply:
        """Ask for an answer to a text after a fixed system text. Raises ServerError: no connection."""
        messages = [{"role": "system", "content": "Answer in one line."}, {"role": "user", "content": text}]
        body = {**greedy_body(self.server.kind, self.server.model, messages, max_tokens), **(fields or {})}
        return read_reply(send(self.server, self.client, ProbeRequest(self.api.name, body)))


def probe_api(server: ServerHandle) -> Iterator[ProbeFinding]:
    """What a live server does over its model's API. Raises ServerError: no connection, or no model to ask."""
    server, api = with_model(server, list_models(server)), get_api(server.model.api)
    with Client() as client:
        questions = _Questions(server, client, api)
        first = questions.ask(f"[{secrets.token_hex(8)}] What is a heron?")
        error = first.reading.error
        if error is not None:
            yield _finding("text", False, _refusal(api, error))
            return
        yield _finding("text", bool(first.text), "an answer without text")
        for check in CHECKS:
            yield check(questions, first)


def _refusal(api: Api, error: StreamError) -> str:
    reason = f"status {error.status}: {error.message[:160]}"
    return f"the server has no {api.title} API ({reason})" if error.status == HTTPStatus.NOT_FOUND else reason


def _finding(name: str, works: bool | None, gap: str, unshown: str = "") -> ProbeFinding:
    note = gap if works is False else unshown if works is None else None
    return ProbeFinding(name, None, works, works, note)


def _error_text(reply: ProbeReply) -> str:
    error = reply.reading.error
    return "" if error is None else f"; status {error.status}: {error.message[:120]}"


def _usage(_: _Questions, first: ProbeReply) -> ProbeFinding:
    usage = first.reading.usage
    counted = usage is not None and bool(usage.prompt_tokens) and bool(usage.completion_tokens)
    return _finding("usage", counted, "the stream counts no prompt or no output tokens")


def _end(questions: _Questions, first: ProbeReply) -> ProbeFinding:
    return _finding("last event", first.reading.done, f"no {questions.api.last_event}: a cut stream looks complete")


def _cached_tokens(questions: _Questions, first: ProbeReply) -> ProbeFinding:
    text = f"[{secrets.token_hex(8)}] {read_filler()[:2000]}\nWhat is this about?"
    usages = [questions.ask(text).reading.usage for _ in range(2)]
    cached = usages[1].cached_tokens if usages[1] is not None else None
    counts_none = questions.server.kind.api_facts(questions.api.name).cached_tokens is False
    if cached is None or (cached == 0 and counts_none):
        return _finding("cached tokens", False, "usage reports no cached tokens, so no cache can be seen")
    totals = [usage.prompt_tokens for usage in usages if usage is not None]
    if len(set(totals)) > 1:
        return _finding("cached tokens", False, f"the same prompt is counted differently: {totals}")
    return _finding("cached tokens", cached > 0 or None, "", "a repeated prompt was not cached")


def _length(questions: _Questions, first: ProbeReply) -> ProbeFinding:
    reply = questions.ask("Write a long story about a heron.", CUT_TOKENS)
    stated = [document for _, document in reply.objects if "incomplete" in str(document.get("type"))]
    reason = reply.reading.finish_reason
    if questions.api.name == "responses" and reason == "length" and not stated:
        return _finding("length", False, "an answer that the output limit cut is reported as completed")
    return _finding("length", reason == "length", f"the output limit gives {reason}{_error_text(reply)}")


def _stop(questions: _Questions, first: ProbeReply) -> ProbeFinding:
    field = questions.api.stop_field
    if field is None:
        return ProbeFinding("stop", stated=False)
    reply = questions.ask("Count: one two three four five six.", fields={field: ["e"]})
    reading = reply.reading
    if reading.error is not None or "e" in reading.content:
        return _finding("stop", False, f"{field} does not end the answer{_error_text(reply)}")
    # An answer that its limit cut in a thought, or in figures, had no letter to stop at.
    works = bool(reading.content) and reading.finish_reason == "stop"
    return _finding("stop", works or None, "", f"no answer that a stop string could end in {TEXT_TOKENS} tokens")


def _tools(questions: _Questions, first: ProbeReply) -> ProbeFinding:
    fields = {"tools": questions.api.write_tools([_TOOL])}
    reply = questions.ask("Read the file a.py with the tool read_file.", CALL_TOKENS, fields)
    if reply.reading.error is not None:
        return _finding("tools", False, f"a request with tools is refused{_error_text(reply)}")
    calls = reply.reading.tool_calls
    return _finding("tools", bool(calls) or None, "", _NO_CALL)


def _parallel_tools(questions: _Questions, first: ProbeReply) -> ProbeFinding:
    fields = {"tools": questions.api.write_tools([_TOOL])}
    reply = questions.ask("Read a.py and b.py: call read_file twice at once.", CALL_TOKENS, fields)
    calls = reply.reading.tool_calls
    unshown = "one call: this model may make one at a time" if calls else _NO_CALL
    return _finding("parallel tools", len(calls) > 1 or None, "", unshown)


def _thinking(questions: _Questions, first: ProbeReply) -> ProbeFinding:
    facts = questions.server.kind.api_facts(questions.api.name)
    if facts.thinking_on is None or facts.thinking_off is None:
        return _finding("thinking", None, "", "no switch is known for this kind over this API")
    replies = [
        questions.ask("What is 3 times 14?", fields=switch) for switch in (facts.thinking_on, facts.thinking_off)
    ]
    refused = next((reply for reply in replies if reply.reading.error is not None), None)
    if refused is not None:
        return _finding("thinking", False, f"a request with the switch is refused{_error_text(refused)}")
    on, off = (bool(reply.reading.reasoning.strip()) for reply in replies)
    if off:
        return _finding("thinking", False, "the switch does not turn thinking off")
    return _finding("thinking", on or None, "", "no reasoning either way: this model may not think")


def _count_tokens(questions: _Questions, first: ProbeReply) -> ProbeFinding:
    api, model = questions.api, questions.server.model
    if api.count_path is None:
        return ProbeFinding("count_tokens", stated=False)
    request = first.recording.request
    body = {"model": model.model, **api.conversation(request)}
    reply = questions.server.fetch("POST", f"{model.base_url.rstrip('/')}{api.count_path}", body)
    counted = reply.document.get("input_tokens") if isinstance(reply.document, dict) else None
    used = first.reading.usage.prompt_tokens if first.reading.usage else None
    gap = f"status {reply.status}" if counted is None else f"{counted} tokens, usage says {used}"
    return _finding("count_tokens", counted is not None and counted == used, gap)


def _overflow(questions: _Questions, first: ProbeReply) -> ProbeFinding:
    if questions.server.kind.context.overflow == "unchecked":
        # It would read all of the prompt, for minutes, or end when its memory does.
        return _finding("overflow", None, "", "not asked: this kind of server checks no limit")
    filler = read_filler()
    reply = questions.ask((filler * (OVERFLOW_CHARS // len(filler) + 1))[:OVERFLOW_CHARS])
    error = reply.reading.error
    works = error is not None and error.kind == "context_overflow" and error.status is not None and error.status >= 400
    return _finding("overflow", works, f"a prompt beyond any context gave no clear refusal{_error_text(reply)}")


CHECKS: tuple[Callable[[_Questions, ProbeReply], ProbeFinding], ...] = (
    _usage,
    _end,
    _cached_tokens,
    _length,
    _stop,
    _tools,
    _parallel_tools,
    _thinking,
    _count_tokens,
    _overflow,
)
