"""Lets a model judge the pairs: each in both orders, through the recorder that recorded the answers.

`ask_model` asks for every pair that is left. The request and the reply of each order are kept as a recording, whose
digest the ballot names.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.apis import get_api
from harness.errors import ServerError
from harness.files import sha256_of
from harness.judge.folder import JudgingFolder
from harness.judge.replies import judge_messages, vote_of, vote_of_replies
from harness.lifecycle import model_host
from harness.read import read
from harness.record import Client, Timeouts, TurnRequest, record
from harness.servers import ServerHandle, build_request_body, thinking_allowance
from harness.summarize import family_of
from harness.types import Log, ModelReply, ShownPair, TrialKey

REPLY_TOKENS = 700
THINKING_TOKENS = 4096
TASK = "judge"
Progress = Callable[[str, int, int, str], None]


@dataclass(frozen=True, slots=True)
class JudgingModel:
    """The judging model: its server, and the limits of its requests."""

    server: ServerHandle
    timeouts: Timeouts
    max_tokens: int


def judging_model(server: ServerHandle, timeouts: Timeouts) -> JudgingModel:
    """A model as judge. It gets room to think if it may think: whether it does is not asked before."""
    allowance = thinking_allowance(server.model, server.kind, None, THINKING_TOKENS)
    return JudgingModel(server, timeouts, REPLY_TOKENS + allowance)


def same_family(folder: JudgingFolder, model: str) -> tuple[str, ...]:
    """The contestants of a judging model's own family, whose answers it may favor."""
    family = family_of(model)
    contestants = folder.sheet.contestants
    return tuple(one.label for one in contestants if family is not None and family_of(one.model) == family)


def ask_model(folder: JudgingFolder, judge: JudgingModel, progress: Progress, log: Log) -> None:
    """Have the model vote on every pair that it has not judged. Raises ServerError when its server fails.

    Also raises RunError if another process casts votes, or the judging is revealed.
    """
    server = judge.server
    with folder.session(), Client(judge.timeouts) as client, model_host([server], folder.path, log) as host:
        pending = folder.pending(server.model.label)
        with host.session(server):
            for done, pair in enumerate(pending):
                progress("judge", done, len(pending), pair.id)
                replies = [_ask(folder, judge, client, pair, swapped) for swapped in (False, True)]
                vote = vote_of_replies(replies[0].vote, replies[1].vote)
                folder.cast(server.model.label, pair, vote, replies=(server.model.model, replies))
        progress("judge", len(pending), len(pending), server.model.label)


def _ask(folder: JudgingFolder, judge: JudgingModel, client: Client, pair: ShownPair, swapped: bool) -> ModelReply:
    left, right = (folder.texts[digest] for digest in (pair.left_sha256, pair.right_sha256))
    prompt = folder.texts[pair.prompt_sha256]
    # The digest of all three cannot be part of any of them.
    code = sha256_of(prompt + left + right)[:12]
    messages = judge_messages(prompt, *((right, left) if swapped else (left, right)), code)
    model, kind = judge.server.model, judge.server.kind
    body = build_request_body(model, kind, messages, judge.max_tokens, disable_cache=True)
    key = TrialKey(model.label, f"{TASK}-{pair.id}", int(swapped))
    url = get_api(model.api).url(model.base_url)
    recording = record(client, TurnRequest(key, 0, 0, url, body, judge.server.api_key))
    digest = folder.append_recording(recording)
    reading = read(recording)
    # A pair that is too long for the judge is one that it cannot judge; any other error ends the session.
    if reading.error is not None and reading.error.kind != "context_overflow":
        raise ServerError(f"model {model.label!r}: {pair.id}: {reading.error.message}")
    return ModelReply(reading.content, vote_of(reading.content), digest)
