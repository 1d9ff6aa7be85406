"""A trial's turns: ask, record, read, and go on with what was read. Nothing is timed or scored here.

Four ways. By the task's scorer: a loop of tool calls, answered by the virtual tools. By the task's settings:
`separate`, every turn a conversation of its own (a prompt of one size each); `clients`, the same question by so many
clients at once, group after group. Else one conversation.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace

from harness.read import read
from harness.record import Client, TurnRequest, record
from harness.servers import ServerKind, build_request_body, compute_max_tokens, with_trial_seed
from harness.types import Json, Model, Reading, Recording, TrialKey, Variant
from harness.virtual_tools import bench_of, definitions, most_turns, sent_calls, tool_messages

NONCE = "{{nonce}}"
LEAST_SHARE = 0.6
"""Of the tokens that the server's own prose would have in so many characters; code has more of them, never so few."""


def first_messages(variant: Variant, nonce: str) -> list[dict[str, Json]]:
    """The system message with the nonce in front of everything, so that no cached prefix fits."""
    return [{"role": "system", "content": f"[{nonce}]\n{variant.system.replace(NONCE, nonce)}"}]


def reply_message(reading: Reading) -> dict[str, Json]:
    """What goes back into the conversation: the answer without its thoughts, as every server's template wants it."""
    said = {"role": "assistant", "content": reading.content}
    return {**said, "tool_calls": sent_calls(reading.tool_calls)} if reading.tool_calls else said


def least_tokens(messages: Sequence[Mapping[str, Json]], tokens_per_char: float | None) -> int | None:
    """The fewest tokens that these messages can have; None where the server's count of a character is unknown."""
    if tokens_per_char is None:
        return None
    return int(LEAST_SHARE * tokens_per_char * sum(len(str(message.get("content") or "")) for message in messages))


def nonce_of_turn(nonce: str, turn: int) -> str:
    """A nonce of its own for a turn that begins a conversation of its own; the first turn has the trial's."""
    return hashlib.sha256(f"{nonce}/{turn}".encode()).hexdigest()[:16] if turn else nonce


@dataclass(frozen=True, slots=True)
class _Talk:
    """One trial on its way."""

    client: Client
    model: Model
    kind: ServerKind
    secret: str | None
    variant: Variant
    key: TrialKey
    nonce: str
    room: int
    tokens_per_char: float | None

    def ask(self, turn: int, messages: Sequence[Mapping[str, Json]], *, cold: bool) -> TurnRequest:
        budget = compute_max_tokens(self.model, self.kind, self.variant.task, self.room)
        body = build_request_body(with_trial_seed(self.model, self.key.trial), self.kind, messages, budget, cold=cold)
        url = f"{self.model.base_url.rstrip('/')}/chat/completions"
        least = least_tokens(messages, self.tokens_per_char)
        return TurnRequest(self.key, turn, self.variant.index, url, body, self.secret, least)

    def alone(self, turn: int, text: str) -> TurnRequest:
        """A turn that begins, and ends, a conversation of its own."""
        nonce = nonce_of_turn(self.nonce, turn)
        user = {"role": "user", "content": text.replace(NONCE, nonce)}
        return self.ask(turn, [*first_messages(self.variant, nonce), user], cold=True)


def _conversation(talk: _Talk) -> Iterator[Recording]:
    """Each turn on top of the last; a turn that failed or said nothing is the last one."""
    turns, nonce = talk.variant.turns, talk.nonce
    messages = first_messages(talk.variant, nonce)
    for turn, text in enumerate(turns):
        messages.append({"role": "user", "content": text.replace(NONCE, nonce)})
        recording = record(talk.client, talk.ask(turn, messages, cold=len(turns) == 1))
        reading = read(recording)
        last = turn + 1 == len(turns) or reading.error is not None or not reading.content
        yield replace(recording, last_turn=last)
        if last:
            return
        messages.append(reply_message(reading))


def _tool_loop(talk: _Talk) -> Iterator[Recording]:
    """Each reply's calls answered from the task's own files, until one calls nothing or the task grants no more."""
    user = {"role": "user", "content": talk.variant.turns[0].replace(NONCE, talk.nonce)}
    messages, bench = [*first_messages(talk.variant, talk.nonce), user], bench_of(talk.variant)
    most = most_turns(talk.variant)
    for turn in range(most):
        asked = talk.ask(turn, messages, cold=False)
        asked = replace(asked, body={**asked.body, "tools": definitions(bench.offered)})
        recording = record(talk.client, asked)
        reading = read(recording)
        last = turn + 1 == most or reading.error is not None or not reading.tool_calls
        yield replace(recording, last_turn=last)
        if last:
            return
        answers, bench = tool_messages(reading.tool_calls, bench)
        messages += [reply_message(reading), *answers]


def _separate(talk: _Talk) -> Iterator[Recording]:
    """Every turn by itself; one that fails says nothing of the others, unless the server is gone."""
    turns = talk.variant.turns
    for turn, text in enumerate(turns):
        recording = record(talk.client, talk.alone(turn, text))
        last = turn + 1 == len(turns) or recording.end_reason == "connect_failed"
        yield replace(recording, last_turn=last)
        if last:
            return


def _together(talk: _Talk, groups: Sequence[int]) -> Iterator[Recording]:
    """So many clients at once, each with a connection and a nonce of its own; turns are numbered through all groups."""
    text, first = talk.variant.turns[0], 0
    with ExitStack() as stack:
        clients = [stack.enter_context(Client(talk.client.timeouts)) for _ in range(max(groups))]
        for size in groups:
            asks = [talk.alone(turn, text) for turn in range(first, first + size)]
            with ThreadPoolExecutor(max_workers=size) as pool:
                recordings = list(pool.map(record, clients, asks))
            first += size
            gone = all(recording.end_reason == "connect_failed" for recording in recordings)
            ends = gone or first == sum(groups)
            for recording in recordings:
                yield replace(recording, last_turn=ends and recording is recordings[-1])
            if ends:
                return


def converse(
    client: Client,
    asked: tuple[Model, ServerKind, str | None],
    variant: Variant,
    key: TrialKey,
    *,
    nonce: str,
    room: int,
    tokens_per_char: float | None = None,
) -> Iterator[Recording]:
    """Yield each turn's recording as it ends; the one marked `last_turn` ends the trial.

    `asked` is the model, its server's kind and its key; `room` the extra tokens for thoughts; `tokens_per_char` what
    the server counted of a prompt before the run.
    """
    talk = _Talk(client, *asked, variant, key, nonce, room, tokens_per_char)
    task = variant.task
    if task.tool_loop:
        return _tool_loop(talk)
    if task.clients:
        return _together(talk, task.clients)
    return _separate(talk) if task.separate else _conversation(talk)
