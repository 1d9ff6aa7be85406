"""Sends a trial's requests and records the responses: `converse` yields one recording per turn.

A trial is one of four kinds of conversation, which the task decides:
- one conversation, each turn on top of the replies before it (the default);
- a tool loop, in which the virtual tools answer the model's tool calls (`tool_loop`, a property of the scorer kind);
- separate turns, each a new conversation, for prompts of several sizes (`separate`);
- groups of clients that send the same request at the same time (`clients`).

The times are taken in `record`. This module reads a reply only to build the next request, and to see whether there is
one: `is_last_turn`, by which `verify` decides as well.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace

from harness.apis import get_api
from harness.read import read
from harness.record import Client, TurnRequest, record
from harness.run.plan import turn_nonce
from harness.run.reply_watch import ReportRate, ignore_rate, watch_replies
from harness.servers import ServerHandle, build_request_body, compute_max_tokens, with_trial_seed
from harness.types import REPETITION, Json, Reading, Recording, TrialKey, TurnResult, Variant
from harness.virtual_tools import assistant_tool_calls, max_turns, tool_definitions, tool_messages, workspace_of

NONCE_PLACEHOLDER = "{{nonce}}"
MIN_TOKEN_SHARE = 0.6
"""A prompt's lower bound of tokens, as a share of what prose of the same length has: code has more tokens than that."""

Messages = list[dict[str, Json]]
Reply = Reading | TurnResult
"""A reply as it was read, or as a result states it."""


@dataclass(frozen=True, slots=True)
class TrialSetup:
    """What a trial sends: its variant and nonce, the output tokens allowed for thinking on top of the task's budget.

    `tokens_per_char` is what the server counted for a prompt before the run, None if it counted none.
    """

    key: TrialKey
    variant: Variant
    nonce: str
    thinking_tokens: int
    tokens_per_char: float | None = None


def converse(
    client: Client, server: ServerHandle, setup: TrialSetup, report_rate: ReportRate = ignore_rate
) -> Iterator[Recording]:
    """Run one trial. Yields each turn's recording as it ends; `last_turn` marks the one that ends the trial.

    `report_rate` is called from another thread, once a second while a reply streams.
    """
    trial = _Trial(client, server, setup, report_rate)
    task = setup.variant.task
    if task.tool_loop:
        return _run_tool_loop(trial)
    if task.clients:
        return _run_client_groups(trial, task.clients)
    return _run_separate_turns(trial) if task.separate else _run_conversation(trial)


def opening_messages(variant: Variant, nonce: str) -> Messages:
    """The system message of a new conversation. The nonce is its first text, so that no cached prefix matches."""
    return [{"role": "system", "content": f"[{nonce}]\n{variant.system.replace(NONCE_PLACEHOLDER, nonce)}"}]


def user_message(text: str, nonce: str) -> dict[str, Json]:
    """A turn's text as a message."""
    return {"role": "user", "content": text.replace(NONCE_PLACEHOLDER, nonce)}


def reply_message(reading: Reading) -> dict[str, Json]:
    """A reply as a message of the next request: without its reasoning, which every server's chat template drops."""
    message = {"role": "assistant", "content": reading.content}
    return {**message, "tool_calls": assistant_tool_calls(reading.tool_calls)} if reading.tool_calls else message


def min_tokens(messages: Sequence[Mapping[str, Json]], tokens_per_char: float | None) -> int | None:
    """A lower bound of the messages' tokens; None if the server's tokens per character are unknown."""
    if tokens_per_char is None:
        return None
    chars = sum(len(str(message.get("content") or "")) for message in messages)
    return int(MIN_TOKEN_SHARE * tokens_per_char * chars)


@dataclass(frozen=True, slots=True)
class _Trial:
    """A trial on its server, and the requests that it can send."""

    client: Client
    server: ServerHandle
    setup: TrialSetup
    report_rate: ReportRate

    def request(self, turn: int, messages: Sequence[Mapping[str, Json]], *, disable_cache: bool) -> TurnRequest:
        """The request of a turn. `disable_cache` applies if the server kind has a field for it."""
        server, setup = self.server, self.setup
        max_tokens = compute_max_tokens(setup.variant.task, setup.thinking_tokens)
        model = with_trial_seed(server.model, setup.key.trial)
        body = build_request_body(model, server.kind, messages, max_tokens, disable_cache=disable_cache)
        url = get_api(server.model.api).url(server.model.base_url)
        lower_bound = min_tokens(messages, setup.tokens_per_char)
        return TurnRequest(setup.key, turn, setup.variant.index, url, body, server.api_key, lower_bound)

    def separate_request(self, turn: int, text: str) -> TurnRequest:
        """The request of a turn that is a whole conversation."""
        nonce = turn_nonce(self.setup.nonce, turn)
        messages = [*opening_messages(self.setup.variant, nonce), user_message(text, nonce)]
        return self.request(turn, messages, disable_cache=True)

    def record(self, request: TurnRequest) -> Recording:
        """Send a request and record the reply; a task that only measures speed is never stopped early."""
        with self.watch([self.client]):
            return record(self.client, request)

    def watch(self, clients: Sequence[Client]) -> AbstractContextManager[None]:
        """Watch the replies of clients that record at the same time."""
        api, scored = get_api(self.server.model.api), self.setup.variant.task.scored
        return watch_replies(clients, self.report_rate, api, stop_loops=scored)


def is_last_turn(variant: Variant, replies: Sequence[Reply]) -> bool:
    """Whether a trial ends with the last of its replies so far, of which there is at least one.

    Without an agent a trial ends only by the rules that are here, whatever was interrupted.
    """
    task, reply = variant.task, replies[-1]
    if len(replies) >= max_trial_turns(variant):
        return True
    if task.tool_loop:
        return _is_cut_short(reply) or not reply.tool_calls
    if task.clients:
        return _is_unreachable_group(task.clients, replies)
    if task.separate:
        return _is_unreachable(reply)
    return _is_cut_short(reply) or not reply.content


def max_trial_turns(variant: Variant) -> int:
    """How many turns a trial without an agent has at most."""
    if variant.task.tool_loop:
        return max_turns(variant)
    return sum(variant.task.clients) or len(variant.turns)


def _is_cut_short(reply: Reply) -> bool:
    """Whether nothing can follow a reply: its server failed, or it was stopped in a loop."""
    return reply.error is not None or reply.finish_reason == REPETITION


def _is_unreachable(reply: Reply) -> bool:
    """Whether no connection could be made. What a server calls its own error has a status beside it."""
    return reply.error is not None and (reply.error.kind, reply.error.status) == ("connect_failed", None)


def _is_unreachable_group(group_sizes: Sequence[int], replies: Sequence[Reply]) -> bool:
    """Whether the last reply is that of a group's last client, and none of the group's clients reached the server."""
    for size, end in zip(group_sizes, itertools.accumulate(group_sizes), strict=True):
        if end == len(replies):
            return all(map(_is_unreachable, replies[-size:]))
    return False


def _run_conversation(trial: _Trial) -> Iterator[Recording]:
    """Each turn continues the conversation; a turn that failed or has no content ends it."""
    turns, nonce = trial.setup.variant.turns, trial.setup.nonce
    messages, replies = opening_messages(trial.setup.variant, nonce), list[Reading]()
    for turn, text in enumerate(turns):
        messages.append(user_message(text, nonce))
        recording = trial.record(trial.request(turn, messages, disable_cache=len(turns) == 1))
        replies.append(read(recording))
        last = is_last_turn(trial.setup.variant, replies)
        yield replace(recording, last_turn=last)
        if last:
            return
        messages.append(reply_message(replies[-1]))


def _run_tool_loop(trial: _Trial) -> Iterator[Recording]:
    """The virtual tools answer each reply's calls, until a reply has none or the task's limit of turns is reached."""
    variant, nonce = trial.setup.variant, trial.setup.nonce
    messages = [*opening_messages(variant, nonce), user_message(variant.turns[0], nonce)]
    workspace, replies = workspace_of(variant), list[Reading]()
    for turn in range(max_trial_turns(variant)):
        request = trial.request(turn, messages, disable_cache=False)
        tools = get_api(trial.server.model.api).write_tools(tool_definitions(workspace.offered))
        recording = trial.record(replace(request, body={**request.body, "tools": tools}))
        replies.append(read(recording))
        last = is_last_turn(variant, replies)
        yield replace(recording, last_turn=last)
        if last:
            return
        answers, workspace = tool_messages(replies[-1].tool_calls, workspace)
        messages += [reply_message(replies[-1]), *answers]


def _run_separate_turns(trial: _Trial) -> Iterator[Recording]:
    """Every turn is sent whatever became of the one before, unless the server can no longer be reached."""
    replies = list[Reading]()
    for turn, text in enumerate(trial.setup.variant.turns):
        recording = trial.record(trial.separate_request(turn, text))
        replies.append(read(recording))
        last = is_last_turn(trial.setup.variant, replies)
        yield replace(recording, last_turn=last)
        if last:
            return


def _record_together(pool: Executor, clients: Sequence[Client], requests: Sequence[TurnRequest]) -> list[Recording]:
    """Record a request with each client at the same time. Ctrl-C ends the replies, for which the pool would wait."""
    try:
        return list(pool.map(record, clients, requests))
    except BaseException:
        for client in clients:
            client.abort()
        raise


def _run_client_groups(trial: _Trial, group_sizes: Sequence[int]) -> Iterator[Recording]:
    """Each group sends its requests at the same time, each client on its own connection and with its own nonce.

    Turns are numbered through all groups.
    """
    text, first_turn, replies = trial.setup.variant.turns[0], 0, list[Reading]()
    with ExitStack() as stack:
        clients = [stack.enter_context(Client(trial.client.timeouts)) for _ in range(max(group_sizes))]
        for size in group_sizes:
            # The time of the run may have left less for this group than for the one before.
            for client in clients:
                client.timeouts = trial.client.timeouts
            requests = [trial.separate_request(turn, text) for turn in range(first_turn, first_turn + size)]
            with trial.watch(clients[:size]), ThreadPoolExecutor(max_workers=size) as pool:
                recordings = _record_together(pool, clients, requests)
            first_turn, last = first_turn + size, False
            for recording in recordings:
                replies.append(read(recording))
                last = is_last_turn(trial.setup.variant, replies)
                yield replace(recording, last_turn=last)
            if last:
                return
