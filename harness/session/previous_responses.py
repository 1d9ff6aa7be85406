"""Requests of Responses that send only what is new and name what they go on from: `PreviousResponses.join`.

The server keeps the conversation under the id of its response (`previous_response_id`): all items of `input`, those of
the system, too, and the reply, but neither instructions nor tools. The parts of such a request are its own instructions
and tools, the conversation of the earlier request, the reply to it, and its own input.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile

from harness.apis import RequestPart, parse_object
from harness.read import split_events
from harness.session.units import is_head
from harness.types import Json, Reading, Recording

_INSTRUCTIONS = "instructions"


def previous_id(recording: Recording) -> str | None:
    """The id of the response that a request goes on from; None if it sends the whole conversation."""
    found = recording.request.get("previous_response_id")
    return found if isinstance(found, str) and found else None


@dataclass(slots=True)
class PreviousResponses:
    """The conversations of earlier requests by the ids of their responses, as far as a later request names them."""

    named: frozenset[str]
    conversations: dict[str, tuple[RequestPart, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, recordings: Iterable[Recording]) -> PreviousResponses:
        """Those that one of the recordings names."""
        return cls(frozenset(found for recording in recordings if (found := previous_id(recording))))

    def join(self, recording: Recording, parts: tuple[RequestPart, ...]) -> tuple[RequestPart, ...] | None:
        """The parts with what the request goes on from; None if that was not recorded."""
        found = previous_id(recording)
        if found is None:
            return parts
        earlier = self.conversations.get(found)
        if earlier is None:
            return None
        said = (*earlier, *filter(_is_kept, parts))
        leading = tuple(takewhile(is_head, said))
        # System items at the beginning stand before the tools, as in a request that sends the whole conversation.
        instructions = (part for part in parts if part.path == _INSTRUCTIONS)
        tools = (part for part in parts if part.kind == "tool")
        return (*instructions, *leading, *tools, *said[len(leading) :])

    def add(self, number: int, recording: Recording, reading: Reading, parts: Sequence[RequestPart]) -> None:
        """Remember a request under the id of its response."""
        if not self.named:
            return
        found = _response_id(recording)
        if found in self.named:
            said = (_renumbered(part, number) for part in parts if _is_kept(part))
            self.conversations[found] = (*said, *_reply_parts(number, reading))


def _is_kept(part: RequestPart) -> bool:
    """Whether the server keeps it for the next request."""
    return part.kind != "tool" and part.path != _INSTRUCTIONS


def _renumbered(part: RequestPart, number: int) -> RequestPart:
    """The part with the number of its request in its place: the next request counts its items from 0."""
    if " of request " in part.message:
        return part
    return replace(part, path=f"{part.message} of request {number}{part.path.removeprefix(part.message)}")


def _reply_parts(number: int, reading: Reading) -> Iterator[RequestPart]:
    """What the model said and called; whether its thoughts are kept is the server's affair."""
    if reading.content:
        yield RequestPart(f"output of request {number}", "assistant", "text", reading.content)
    for at, call in enumerate(reading.tool_calls):
        path = f"output[{at}] of request {number}"
        yield RequestPart(path, "assistant", "tool_call", call.arguments, call.name, call.id or "")


def _response_id(recording: Recording) -> str:
    """The id of a response, streamed or whole; "" without one."""
    for event in split_events(recording.chunks).events:
        found = _id((parse_object(event.data) or {}).get("response"))
        if found:
            return found
    return _id(parse_object(b"".join(chunk.data for chunk in recording.chunks).decode(errors="replace")))


def _id(response: Json) -> str:
    found = response.get("id") if isinstance(response, dict) else None
    return found if isinstance(found, str) else ""
