"""Rounds of drand, a public source of randomness that a group of organizations publishes every three seconds.

`read_beacon` reads a round as the user gives it, `ROUND:RANDOMNESS`. Its time follows from its number: drand's network
quicknet published round 1 in August 2023. Whether the randomness is the round's is for the reader to look up.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

QUICKNET = "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971"
"""The hash of the chain info, which identifies the network; see https://docs.drand.love."""
_FIRST_ROUND = datetime.fromtimestamp(1_692_803_367, UTC)
_PERIOD = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class Beacon:
    """A round of drand: its number, when it was published, and where its randomness can be looked up."""

    number: int
    randomness: str
    published: datetime
    url: str


def read_beacon(text: str) -> Beacon:
    """The round that a run's option `beacon` names, which must not be empty."""
    number, _, randomness = text.partition(":")
    published = _FIRST_ROUND + (int(number) - 1) * _PERIOD
    return Beacon(int(number), randomness, published, f"https://api.drand.sh/{QUICKNET}/public/{number}")
