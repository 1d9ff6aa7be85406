"""One model at a time: start, wait until it really answers, load, let go, and put back what ran before."""

from harness.lifecycle.dry_run import rehearse
from harness.lifecycle.memory import Snapshot, memory_use
from harness.lifecycle.model_host import Stage, Visit, on_stage, refused
from harness.lifecycle.readiness import Readiness, ask_readiness, make_ready
from harness.lifecycle.restore import CHANGES, recover
from harness.lifecycle.state import left_state, state_path
from harness.servers import Need, skip_what_does_not_fit

__all__ = [
    "CHANGES",
    "Need",
    "Readiness",
    "Snapshot",
    "Stage",
    "Visit",
    "ask_readiness",
    "left_state",
    "make_ready",
    "memory_use",
    "on_stage",
    "recover",
    "refused",
    "rehearse",
    "skip_what_does_not_fit",
    "state_path",
]
