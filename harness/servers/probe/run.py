"""The probe itself: sends the requests one after the other and collects the findings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from harness.apis import get_api
from harness.errors import ServerError
from harness.files import find_data
from harness.record import Client, TurnRequest, record
from harness.servers.probe.context_cap import context_findings, plan_long_prompt
from harness.servers.probe.requests import (
    SHORT_CHARS,
    ProbeRequest,
    build_long_request,
    build_reasoning_request,
    build_short_requests,
)
from harness.servers.probe.stream import ProbeReply, compare, observe, read_reply
from harness.servers.probe.switches import cache_findings, sampling_findings, thinking_findings
from harness.servers.query import ServerHandle, list_models, query_model_context, query_served_context, query_version
from harness.types import ProbeFinding, ProbeReport, Recording, StreamError, TrialKey

DEFAULT_CHARS_PER_TOKEN = 4.0


def probe(server: ServerHandle, *, long: bool = True, long_tokens: int | None = None) -> ProbeReport:
    """Probe a live server. `long_tokens` overrides the length of the long request. Raises ServerError."""
    listed = list_models(server)
    server = with_model(server, listed)
    with Client() as client:
        recordings = _send_short_requests(server, client)
        replies = {name: read_reply(recording) for name, recording in recordings.items()}
        # After the short requests: Ollama and LM Studio report the context of loaded models only.
        served = query_served_context(server)
        prompt = plan_long_prompt(server.kind, served, long_tokens)
        chars = int(prompt.tokens * _chars_per_token(replies["first"]))
        long_reply = _send_long_request(server, client, chars) if long else None
    cap, overflow = context_findings(server.kind, long_reply, prompt) if long_reply else (None, ())
    all_replies = [*replies.values(), *([long_reply] if long_reply else [])]
    all_recordings = [*recordings.values(), *([long_reply.recording] if long_reply else [])]
    findings = (
        compare("model_listed", None, server.model.model in listed),
        _rejected_requests(replies),
        *observe(all_recordings, server.kind),
        *thinking_findings(replies, server.kind),
        *cache_findings(replies),
        *sampling_findings(replies, server.kind),
        *overflow,
    )
    return ProbeReport(
        server=server.kind.name,
        model=server.model.model,
        models=listed,
        version=query_version(server),
        context_configured=server.model.context_tokens,
        context_reported=served,
        context_model=query_model_context(server),
        context_probed=cap,
        findings=findings,
        short_requests=len(recordings),
        long_requests=len(all_recordings) - len(recordings),
        prefill_tps=_best(reply.reading.timings.apparent_prefill_tps for reply in all_replies),
        decode_tps=_best(reply.reading.timings.decode_tps for reply in all_replies),
    )


def _best(rates: Iterable[float | None]) -> float | None:
    """The highest rate: short prompts and a busy machine only lower it."""
    return max((rate for rate in rates if rate is not None), default=None)


def read_filler() -> str:
    """Return the kit's own prose, to fill prompts with."""
    return find_data("fixtures/_library/handbook.md").read_text(encoding="utf-8")


def send(server: ServerHandle, client: Client, request: ProbeRequest) -> Recording:
    """Send one request and record the reply. Raises ServerError if no connection could be made."""
    url = get_api(server.model.api).url(server.model.base_url)
    key = TrialKey(server.model.label, f"probe {request.name}", 0)
    recording = record(client, TurnRequest(key, 0, 0, url, request.body, server.api_key))
    if recording.end_reason == "connect_failed":
        raise ServerError(f"{url}: {recording.error}", fix="start the server, or correct its address")
    return recording


def ask_reasoning_question(server: ServerHandle, client: Client) -> ProbeReply:
    """Ask a short question with the model's own settings, to see whether it thinks. Raises ServerError."""
    return read_reply(send(server, client, build_reasoning_request(server.kind, server.model)))


def with_model(server: ServerHandle, listed: Sequence[str]) -> ServerHandle:
    """The handle with its model, or with the only one that is listed. Raises ServerError if there is a choice."""
    if server.model.model:
        return server
    if len(listed) == 1:
        return replace(server, model=replace(server.model, model=listed[0]))
    found = f"lists several models: {', '.join(listed)}" if listed else "lists no model"
    raise ServerError(f"{server.model.base_url} {found}")


def _fix_of(error: StreamError) -> str:
    """What helps against the failure of the first request; "" where the model's name or the address may be wrong."""
    if error.kind == "context_overflow":
        return "start the server with a larger context"
    return "correct the API key" if error.status in (401, 403) else ""


def _send_short_requests(server: ServerHandle, client: Client) -> dict[str, Recording]:
    """Send the short requests. Raises ServerError if the first fails: without it no other means anything."""
    first, *others = build_short_requests(server.kind, server.model, read_filler())
    recording = send(server, client, first)
    error = read_reply(recording).reading.error
    if error is not None:
        raise ServerError(f"{recording.url}: the first request failed: {error.message[:200]}", fix=_fix_of(error))
    return {first.name: recording} | {request.name: send(server, client, request) for request in others}


def _send_long_request(server: ServerHandle, client: Client, chars: int) -> ProbeReply:
    request = build_long_request(server.kind, server.model, read_filler(), chars)
    return read_reply(send(server, client, request))


def _chars_per_token(reply: ProbeReply) -> float:
    usage = reply.reading.usage
    if usage is None or not usage.prompt_tokens:
        return DEFAULT_CHARS_PER_TOKEN
    return SHORT_CHARS / usage.prompt_tokens


def _rejected_requests(replies: Mapping[str, ProbeReply]) -> ProbeFinding:
    """The requests that failed: it is worth knowing which field a server rejects."""
    errors = {name: reply.reading.error for name, reply in replies.items()}
    messages = {name: error.message[:80] for name, error in errors.items() if error is not None}
    note = "; ".join(f"{name}: {message}" for name, message in messages.items())
    return compare("rejected_requests", None, sorted(messages), note or None)
