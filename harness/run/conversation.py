"""Sends a trial's requests and records the responses: `converse` yields one recording per turn.

A trial is one of four kinds of conversation, which the task decides:
- one conversation, each turn on top of the replies before it (the default);
- a tool loop, in which the virtual tools answer the model's tool calls (`tool_loop`, a property of the scorer kind);
- separate turns, each a new conversation, for prompts of several sizes (`separate`);
- groups of clients that send the same request at the same time (`clients`).

The times are taken in `record`. This module reads a reply only to build the next request.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace

from harness.apis import get_api
from harness.read import read
from harness.record import Client, TurnRequest, record
from harness.run.plan import turn_nonce
from harness.run.reply_watch import ReportRate, ignore_rate, watch_replies
from harness.servers import ServerHandle, build_request_body, compute_max_tokens, with_trial_seed
from harness.types import REPETITION, Json, Reading, Recording, TrialKey, Variant
from harness.virtual_tools import assistant_tool_calls, max_turns, tool_definitions, tool_messages, workspace_of

NONCE_PLACEHOLDER = "{{nonce}}"
MIN_TOKEN_SHARE = 0.6
"""A prompt's lower bound of tokens, as a share of what prose of the same length has: code has more tokens than that."""

Messages = list[dict[str, Json]]


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


def _is_cut_short(reading: Reading) -> bool:
    """Whether nothing can follow a reply: its server failed, or it was stopped in a loop."""
    return reading.error is not None or reading.finish_reason == REPETITION


def _run_conversation(trial: _Trial) -> Iterator[Recording]:
    """Each turn continues the conversation; a turn that failed or has no content ends it."""
    turns, nonce = trial.setup.variant.turns, trial.setup.nonce
    messages = opening_messages(trial.setup.variant, nonce)
    for turn, text in enumerate(turns):
        messages.append(user_message(text, nonce))
        recording = trial.record(trial.request(turn, messages, disable_cache=len(turns) == 1))
        reading = read(recording)
        last = turn + 1 == len(turns) or _is_cut_short(reading) or not reading.content
        yield replace(recording, last_turn=last)
        if last:
            return
        messages.append(reply_message(reading))


def _run_tool_loop(trial: _Trial) -> Iterator[Recording]:
    """The virtual tools answer each reply's calls, until a reply has none or the task's limit of turns is reached."""
    variant, nonce = trial.setup.variant, trial.setup.nonce
    messages = [*opening_messages(variant, nonce), user_message(variant.turns[0], nonce)]
    workspace = workspace_of(variant)
    limit = max_turns(variant)
    for turn in range(limit):
        request = trial.request(turn, messages, disable_cache=False)
        tools = get_api(trial.server.model.api).write_tools(tool_definitions(workspace.offered))
        recording = trial.record(replace(request, body={**request.body, "tools": tools}))
        reading = read(recording)
        last = turn + 1 == limit or _is_cut_short(reading) or not reading.tool_calls
        yield replace(recording, last_turn=last)
        if last:
            return
        answers, workspace = tool_messages(reading.tool_calls, workspace)
        messages += [reply_message(reading), *answers]


def _run_separate_turns(trial: _Trial) -> Iterator[Recording]:
    """Every turn is sent whatever became of the one before, unless the server can no longer be reached."""
    turns = trial.setup.variant.turns
    for turn, text in enumerate(turns):
        recording = trial.record(trial.separate_request(turn, text))
        last = turn + 1 == len(turns) or recording.end_reason == "connect_failed"
        yield replace(recording, last_turn=last)
        if last:
            return


def _run_client_groups(trial: _Trial, group_sizes: Sequence[int]) -> Iterator[Recording]:
    """Each group sends its requests at the same time, each client on its own connection and with its own nonce.

    Turns are numbered through all groups.
    """
    text, first_turn = trial.setup.variant.turns[0], 0
    with ExitStack() as stack:
        clients = [stack.enter_context(Client(trial.client.timeouts)) for _ in range(max(group_sizes))]
        for size in group_sizes:
            # The time of the run may have left less for this group than for the one before.
            for client in clients:
                client.timeouts = trial.client.timeouts
            requests = [trial.separate_request(turn, text) for turn in range(first_turn, first_turn + size)]
            with trial.watch(clients[:size]), ThreadPoolExecutor(max_workers=size) as pool:
                recordings = list(pool.map(record, clients, requests))
            first_turn += size
            unreachable = all(recording.end_reason == "connect_failed" for recording in recordings)
            last_group = unreachable or first_turn == sum(group_sizes)
            for recording in recordings:
                yield replace(recording, last_turn=last_group and recording is recordings[-1])
            if last_group:
                return
