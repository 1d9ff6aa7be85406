"""A server whose every write is logged on the clock that its client reads, so that a client's error can be measured."""

from harness.calibration.reference.behaviors import BEHAVIORS
from harness.calibration.reference.faults import FAULTS
from harness.calibration.reference.names import misread, mistimed, script_of
from harness.calibration.reference.process import Heard, ReferenceServer, Written, serving

__all__ = ["BEHAVIORS", "FAULTS", "Heard", "ReferenceServer", "Written", "misread", "mistimed", "script_of", "serving"]
