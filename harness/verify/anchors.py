"""Checks of a run's anchors in time: its time stamps, and the public randomness in its nonces.

A line `anchor` of the log holds a time stamp of the digest of the line before it, and so of all that was written until
then. Its time comes from outside: between two stamps the machine's own clock cannot have passed more time.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from harness.anchors import InvalidTimestampError, read_beacon, read_timestamp
from harness.bundle import LOG
from harness.errors import UncheckedError
from harness.run import Link
from harness.types import Finding, LogEntry, Severity
from harness.verify.clocks import epoch_s
from harness.verify.evidence import Evidence

MAX_ANCHORS = 1000
TOLERANCE = timedelta(seconds=60)
"""The clock of an authority, and the time that its answer takes."""
WHAT_IT_PROVES = "this bounds the time of what is here; it does not prove that nothing was left out"


@dataclass(frozen=True, slots=True)
class _Anchor:
    """A valid time stamp, and the line of the log that holds it."""

    time: datetime
    entry: LogEntry
    place: str


def check_anchors(evidence: Evidence, log: Sequence[Link]) -> Iterator[Finding]:
    """Each time stamp is of the line before it, and all agree with the machine's clock; a note says what they bound."""
    yield from _check_beacon(evidence)
    anchors: list[_Anchor] = []
    held = [link for link in log if isinstance(link.content, LogEntry) and link.content.event == "anchor"]
    if len(held) > MAX_ANCHORS:
        yield Finding("anchors", evidence.reader.location(LOG), f"has {len(held)} time stamps, at most {MAX_ANCHORS}")
    for link in held[:MAX_ANCHORS]:
        entry = link.content
        assert isinstance(entry, LogEntry)
        try:
            stamp = read_timestamp(entry.token or "", str(link.previous), evidence.tsa_roots)
        except UncheckedError as error:
            yield Finding("anchors", link.place, f"cannot be checked: {error.message}", _unchecked(evidence))
        except InvalidTimestampError as error:
            yield Finding("anchors", link.place, f"the time stamp is invalid: {error.message}")
        else:
            anchors.append(_Anchor(stamp.time, entry, link.place))
    yield from _check_times(anchors)
    if not held and evidence.tsa_roots is not None:
        message = f"has no time stamp, so that there is nothing to be confirmed by {evidence.tsa_roots}"
        yield Finding("anchors", evidence.reader.location(LOG), message, "info")
    if anchors:
        yield Finding("anchors", evidence.reader.location(LOG), _describe(evidence, anchors), "info")


def _unchecked(evidence: Evidence) -> Severity:
    return "info" if evidence.tsa_roots is None else "inconclusive"


def _check_times(anchors: Sequence[_Anchor]) -> Iterator[Finding]:
    """The monotonic clock stops while a machine sleeps; it never runs ahead of the authority's clock."""
    for before, anchor in itertools.pairwise(anchors):
        passed = anchor.time - before.time
        own = timedelta(microseconds=(anchor.entry.monotonic_ns - before.entry.monotonic_ns) / 1000)
        if passed < -TOLERANCE:
            yield Finding("anchors", anchor.place, "the time stamp is older than the one before it")
        elif before.entry.boot_id == anchor.entry.boot_id and own > passed + TOLERANCE:
            message = f"{own} passed by the machine's clock since the anchor before, {passed} by the authority's"
            yield Finding("anchors", anchor.place, message)


def _describe(evidence: Evidence, anchors: Sequence[_Anchor]) -> str:
    first, last = anchors[0], anchors[-1]
    who = "an authority that you trust" if evidence.tsa_roots else "an authority whose certificate you did not give"
    text = f"stamped by {who}: the plan existed before {first.time:%Y-%m-%d %H:%M:%S}"
    if len(anchors) > 1:
        text += f", all that was recorded until the last stamp before {last.time:%Y-%m-%d %H:%M:%S} (UTC)"
    wall_s = epoch_s(last.entry.at)
    off_s = None if wall_s is None else wall_s - last.time.timestamp()
    if off_s is not None and abs(off_s) > TOLERANCE.total_seconds():
        text += f"; the machine's wall clock was off by {off_s:+.0f} s"
    return f"{text}; {WHAT_IT_PROVES}"


def _check_beacon(evidence: Evidence) -> Iterator[Finding]:
    """The randomness in the nonces was published before the run began: nobody knows a round of the future."""
    run, location = evidence.result.run, evidence.location("$.run.beacon")
    if not run.beacon:
        return
    beacon, started_s = read_beacon(run.beacon), epoch_s(run.started_at)
    if started_s is not None and beacon.published.timestamp() > started_s + TOLERANCE.total_seconds():
        message = (
            f"round {beacon.number} of drand was published after the start, at {beacon.published:%Y-%m-%d %H:%M:%S}"
        )
        yield Finding("anchors", location, message)
        return
    message = (
        f"the nonces were made after {beacon.published:%Y-%m-%d %H:%M:%S} (UTC), when round {beacon.number} of drand "
        f"was published, if {beacon.url} gives the randomness {beacon.randomness}"
    )
    yield Finding("anchors", location, message, "info")
