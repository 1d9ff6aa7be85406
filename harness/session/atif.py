"""An agent's trial as a trajectory in ATIF, the Agent Trajectory Interchange Format that Harbor describes.

`write_trajectory` gives the document: what was said to the model, each reply with its tool calls, what the tools gave
back, and the token counts. Source: harborframework.com/docs/trajectory-format, and the format's readers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness.apis import parse_object
from harness.session.requests import SessionRequest, SourceRecording, requests_of
from harness.types import Json, Reading, Recording, ToolCall, Usage

VERSION = "ATIF-v1.4"
_COUNTS = ("prompt_tokens", "completion_tokens", "cached_tokens")
"""The token counts of a step, which ATIF and a reading call the same."""


def write_trajectory(turns: Sequence[Recording], agent: str, version: str) -> dict[str, Json]:
    """The trajectory of one trial, from its turns."""
    requests = requests_of([SourceRecording(turn) for turn in turns if turn.work is None])
    key, work = turns[-1].key, turns[-1].work
    steps = [{"step_id": number, **step} for number, step in enumerate(_steps(requests), start=1)]
    usages = [request.reading.usage or Usage() for request in requests]
    totals = {
        f"total_{name}": sum(value for usage in usages if (value := getattr(usage, name)) is not None)
        for name in _COUNTS
    }
    return {
        "schema_version": VERSION,
        "session_id": f"{key.model}/{key.task}/{key.trial}",
        "agent": {"name": agent, "version": version, "model_name": requests[0].model if requests else ""},
        "steps": steps,
        "final_metrics": {**totals, "total_steps": len(steps)},
        "extra": {"end": work.end, "exit_code": work.exit_code, "patch": work.patch} if work is not None else {},
    }


def _steps(requests: Sequence[SessionRequest]) -> Iterator[dict[str, Json]]:
    """What is new in each request, then its reply with what the tools gave back for its calls."""
    results = {part.call_id: part.text for request in requests for part in request.parts if part.kind == "tool_result"}
    known: set[tuple[str, str]] = set()
    for request in requests:
        for part in request.parts:
            is_input = part.kind == "text" and part.role in ("system", "developer", "user")
            if is_input and (part.role, part.text) not in known:
                known.add((part.role, part.text))
                yield {"source": "user" if part.role == "user" else "system", "message": part.text}
        yield _reply(request, results)


def _reply(request: SessionRequest, results: Mapping[str, str]) -> dict[str, Json]:
    reading = request.reading
    step: dict[str, Json] = {
        "timestamp": request.recording.sent_at,
        "source": "agent",
        "model_name": request.model,
        "message": reading.content,
    }
    if reading.reasoning:
        step["reasoning_content"] = reading.reasoning
    if reading.tool_calls:
        step["tool_calls"] = [_call(call, at) for at, call in enumerate(reading.tool_calls)]
        found = [
            {"source_call_id": call.id, "content": results[call.id]}
            for call in reading.tool_calls
            if call.id is not None and call.id in results
        ]
        if found:
            step["observation"] = {"results": found}
    metrics = _metrics(reading)
    return {**step, "metrics": metrics} if metrics else step


def _call(call: ToolCall, at: int) -> dict[str, Json]:
    """One call; arguments that are no JSON object stand as the text that the model wrote."""
    arguments = parse_object(call.arguments or "{}")
    return {
        "tool_call_id": call.id or f"call-{at}",
        "function_name": call.name,
        "arguments": {"text": call.arguments} if arguments is None else arguments,
    }


def _metrics(reading: Reading) -> dict[str, Json]:
    usage = reading.usage or Usage()
    return {name: value for name in _COUNTS if (value := getattr(usage, name)) is not None}
