"""Anchors in time: what bounds a run's time from outside, for those who do not trust the machine's clock.

`request_timestamp` has an RFC 3161 time-stamp authority sign a digest with the time, and `read_timestamp` checks what
it signed: the digest existed before that time. `read_beacon` reads a round of public randomness of drand, of which the
run's nonces are made: they were made after the round was published.

Neither proves that nothing else was recorded: a run that was thrown away leaves no anchor. And a time stamp proves no
more than its authority is worth, for anybody can set one up.
"""

from harness.anchors.beacon import Beacon, read_beacon
from harness.anchors.timestamp import InvalidTimestampError, Timestamp, read_timestamp, request_timestamp

__all__ = [
    "Beacon",
    "InvalidTimestampError",
    "Timestamp",
    "read_beacon",
    "read_timestamp",
    "request_timestamp",
]
