"""Reads the session that `session` and `cache` are given: `read_session` takes a folder of the proxy or of a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import RunError

if TYPE_CHECKING:
    from harness.session import SessionRequest

_MAX_PATHS = 5


def read_session(path: Path) -> tuple[SessionRequest, ...]:
    """The requests to a model. Raises RunError if there are none, or the folder is neither."""
    from harness.bundle import RECORDINGS
    from harness.proxy import JOURNAL, read_exchanges
    from harness.session import SourceRecording, requests_of, sources_of_exchanges

    asked = list[str]()
    if (path / JOURNAL).is_file():
        exchanges = read_exchanges(path)
        asked = sorted({exchange.target.partition("?")[0] for exchange in exchanges})
        requests = requests_of(sources_of_exchanges(exchanges))
    elif (path / RECORDINGS).is_file():
        from harness.run import read_trials

        turns = [turn for trial in read_trials(path / RECORDINGS) for turn in trial]
        requests = requests_of([SourceRecording(turn) for turn in turns])
    else:
        raise RunError(f"{path}: neither a session of the proxy nor a run", fix="name the folder given to --out")
    if not requests and asked:
        raise _unreadable(path, asked)
    if not requests:
        raise RunError(f"{path}: no request to a model was recorded", fix="point the agent at the proxy and work")
    return requests


def _unreadable(path: Path, asked: Sequence[str]) -> RunError:
    """The error of a session without a request that can be read, by what was asked."""
    from harness.apis import APIS

    readable = tuple(api.path for api in APIS.values())
    broken = [each for each in asked if each.rstrip("/").endswith(readable)]
    if broken:
        message = (
            f"{path}: no request to {', '.join(broken)} has a JSON object as its body, or one compressed with gzip"
        )
        return RunError(message, fix="let the agent send its requests as JSON that is not compressed")
    others = f" and {len(asked) - _MAX_PATHS} others" if len(asked) > _MAX_PATHS else ""
    message = f"{path}: no request to a model that can be read, only to {', '.join(asked[:_MAX_PATHS])}{others}"
    return RunError(message, fix=f"have the agent use an API whose path ends with {', '.join(readable)}")
