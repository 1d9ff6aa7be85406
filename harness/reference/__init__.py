"""A reference server: it logs each of its writes on the clock that its client reads, so that a client's error shows.

`serving` runs it in a process of its own. A model's name chooses what it does, see model_names.py.
"""

from harness.reference.behaviors import BEHAVIORS
from harness.reference.faults import FAULTS
from harness.reference.mismatches import find_mismatches, find_timing_mismatches
from harness.reference.process import LoggedReply, LoggedWrite, ReferenceServer, serving, start

__all__ = [
    "BEHAVIORS",
    "FAULTS",
    "LoggedReply",
    "LoggedWrite",
    "ReferenceServer",
    "find_mismatches",
    "find_timing_mismatches",
    "serving",
    "start",
]
