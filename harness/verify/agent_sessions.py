"""Checks what a result says of the requests of its agents: time, tool calls and cache, from the recordings again.

`check_agent_sessions` goes through the recordings once more, and only for a result that has trials of agents: what a
request found in the cache depends on all requests before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from harness.files import plain
from harness.session import summarize_trial
from harness.types import Finding
from harness.verify.evidence import Evidence, key_of
from harness.verify.json_diff import MAX_DIFFERENCES, differences
from harness.verify.rescored import recorded_trials


def check_agent_sessions(evidence: Evidence) -> Iterator[Finding]:
    """The sessions that the result states are those of its recordings."""
    index_of = {key_of(trial): at for at, trial in enumerate(evidence.result.trials) if trial.work is not None}
    if not index_of:
        return
    for key, turns in recorded_trials(evidence):
        at = index_of.get(key)
        if at is None:
            continue
        stated, path = plain(evidence.result.trials[at].session), f"$.trials[{at}].session"
        found = differences(stated, plain(summarize_trial(turns)), path)
        for place, message in islice(found, MAX_DIFFERENCES):
            yield Finding("reread", evidence.location(place), message)
