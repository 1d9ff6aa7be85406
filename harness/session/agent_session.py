"""What the requests of one agent's trial cost: `summarize_trial` applies the cache doctor and the cost to its turns.

Both are the same as for a session of the proxy; a call is unknown if the request that it answers offers no such tool.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.apis import parse_object
from harness.session.cost import summarize_session
from harness.session.diagnosis import CacheVerdict, diagnose
from harness.session.requests import SessionRequest, SourceRecording, requests_of
from harness.session.text import explain_loss
from harness.types import AgentSession, CachedTurn, Recording


def summarize_trial(turns: Sequence[Recording]) -> AgentSession:
    """The session of an agent's trial, from the turns that are its requests."""
    requests = requests_of([SourceRecording(turn) for turn in turns if turn.work is None])
    report = diagnose(requests)
    total = summarize_session(report).total
    calls = [call for request in requests for call in request.reading.tool_calls]
    return AgentSession(
        prefill_s=total.prefill_s,
        decode_s=total.decode_s,
        tool_s=total.tool_s,
        calls=len(calls),
        malformed_calls=sum(bool(call.arguments) and parse_object(call.arguments) is None for call in calls),
        unknown_calls=sum(map(_unknown_calls, requests)),
        cache=tuple(map(_cached_turn, report.verdicts)),
    )


def _unknown_calls(request: SessionRequest) -> int:
    offered = {part.name for part in request.parts if part.kind == "tool"}
    return sum(call.name not in offered for call in request.reading.tool_calls) if offered else 0


def _cached_turn(verdict: CacheVerdict) -> CachedTurn:
    return CachedTurn(
        turn=verdict.request.recording.turn,
        state=verdict.state,
        prompt_tokens=verdict.request.prompt_tokens,
        cached_tokens=verdict.cached_tokens,
        lost_tokens=verdict.lost_tokens,
        cause=explain_loss(verdict) if verdict.is_loss else "",
    )
