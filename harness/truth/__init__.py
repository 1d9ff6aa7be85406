"""A server whose every write is logged on the clock that its client reads, so that a client's error can be measured."""

from harness.truth.behaviours import BEHAVIOURS
from harness.truth.faults import FAULTS
from harness.truth.names import misread, mistimed, script_of
from harness.truth.process import Heard, TruthServer, Written, serving

__all__ = ["BEHAVIOURS", "FAULTS", "Heard", "TruthServer", "Written", "misread", "mistimed", "script_of", "serving"]
