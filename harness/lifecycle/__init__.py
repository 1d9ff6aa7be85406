"""Starts, loads, unloads and stops model servers, one model at a time, and restores what ran before.

`model_host` controls the model servers during a run; `recover` restores what a killed run left stopped;
`describe_steps` lists what a run would do; `check_readiness` only queries a server.
"""

from harness.lifecycle.dry_run import describe_steps
from harness.lifecycle.memory import MemorySnapshot, memory_use
from harness.lifecycle.model_host import ModelHost, ModelSession, find_oversized_models, model_host
from harness.lifecycle.readiness import Readiness, query_readiness
from harness.lifecycle.restore import STOPPED_SERVICES_FILE, recover
from harness.lifecycle.state import find_leftover_state, state_path
from harness.lifecycle.status import LOAD_TIMEOUT_S, check_readiness

__all__ = [
    "LOAD_TIMEOUT_S",
    "STOPPED_SERVICES_FILE",
    "MemorySnapshot",
    "ModelHost",
    "ModelSession",
    "Readiness",
    "check_readiness",
    "describe_steps",
    "find_leftover_state",
    "find_oversized_models",
    "memory_use",
    "model_host",
    "query_readiness",
    "recover",
    "state_path",
]
