"""An agent's trial as a trajectory in ATIF, the Agent Trajectory Interchange Format that Harbor describes.

`write_trajectory` gives the document: what was said to the model, each reply with its tool calls, what the tools gave
back, and the token counts. Source: harborframework.com/docs/trajectory-format, and the format's readers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher

from harness.apis import RequestPart, parse_object
from harness.session.predecessors import find_predecessors
from harness.session.requests import SessionRequest, SourceRecording, requests_of
from harness.types import Json, Reading, Recording, ToolCall, TrialKey, Usage

VERSION = "ATIF-v1.4"
_COUNTS = ("prompt_tokens", "completion_tokens", "cached_tokens")
"""The token counts of a step, which ATIF and a reading call the same."""


def trajectory_name(key: TrialKey) -> str:
    """The file name of a trial's trajectory, another one for each trial: no task has an underscore in its name."""
    return f"{key.model}_{key.task}-{key.trial + 1}.json"


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
    predecessors = find_predecessors(requests)
    added = [
        _added(() if predecessor is None else predecessor.request.parts, request.parts)
        for request, predecessor in zip(requests, predecessors, strict=True)
    ]
    results: dict[int, dict[str, str]] = {}
    for predecessor, parts in zip(predecessors, added, strict=True):
        # Of results with one id the last is the new one: an agent may have shortened an old one meanwhile.
        found = {part.call_id: part.text for part in parts if part.kind == "tool_result"}
        if found and predecessor is not None and predecessor.continues:
            results.setdefault(predecessor.request.number, found)
    for request, parts in zip(requests, added, strict=True):
        for part in parts:
            if _is_input(part):
                yield {"source": "user" if part.role == "user" else "system", "message": part.text}
        yield _reply(request, results.get(request.number, {}))


def _is_input(part: RequestPart) -> bool:
    return part.kind == "text" and part.role in ("system", "developer", "user")


def _added(old: Sequence[RequestPart], new: Sequence[RequestPart]) -> list[RequestPart]:
    """The inputs and results that the new request has beyond the old one's, by their order.

    Texts and ids say nothing: a person says the same twice, and some servers call each call `call_0`.
    """
    before, after = ([part for part in parts if _is_input(part) or part.kind == "tool_result"] for parts in (old, new))
    keys = [[(part.role, part.kind, part.call_id, part.text) for part in parts] for parts in (before, after)]
    same = next((at for at, (a, b) in enumerate(zip(*keys, strict=False)) if a != b), min(map(len, keys)))
    changes = SequenceMatcher(None, keys[0][same:], keys[1][same:], autojunk=False).get_opcodes()
    return [part for change in changes if change[0] != "equal" for part in after[same + change[3] : same + change[4]]]


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
