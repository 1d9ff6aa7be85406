"""Reads the session that `session` and `cache` are given: `read_session` takes a folder of the proxy or of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import RunError

if TYPE_CHECKING:
    from harness.session import SessionRequest


def read_session(path: Path) -> tuple[SessionRequest, ...]:
    """The requests to a model. Raises RunError if there are none, or the folder is neither."""
    from harness.bundle import RECORDINGS
    from harness.proxy import JOURNAL, read_exchanges
    from harness.session import SourceRecording, requests_of, sources_of_exchanges

    if (path / JOURNAL).is_file():
        requests = requests_of(sources_of_exchanges(read_exchanges(path)))
    elif (path / RECORDINGS).is_file():
        from harness.run import read_trials

        turns = [turn for trial in read_trials(path / RECORDINGS) for turn in trial]
        requests = requests_of([SourceRecording(turn) for turn in turns])
    else:
        raise RunError(f"{path}: neither a session of the proxy nor a run", fix="name the folder given to --out")
    if not requests:
        raise RunError(f"{path}: no request to a model was recorded", fix="point the agent at the proxy and work")
    return requests
