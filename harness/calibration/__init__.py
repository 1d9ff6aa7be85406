"""Calibration: how accurate lanebench's timings are on this machine, and how fast it scores.

`measure_clients` and `run_self_test` compare timings with a reference server that logs when it really wrote;
`measure_scorer` measures the sandbox. The commands are `bench-client`, `selftest` and `bench-scorer`.
"""

from harness.calibration.client_timing import MeasurementPlan, find_misread_behaviors, measure_clients
from harness.calibration.scorer_rate import PROGRAMS, ScorerBenchmark, measure_memory, measure_scorer
from harness.calibration.scorer_report import missed_targets, scorer_table
from harness.calibration.self_test import run_self_test
from harness.calibration.timing_report import Target, evaluate_targets, timing_table

__all__ = [
    "PROGRAMS",
    "MeasurementPlan",
    "ScorerBenchmark",
    "Target",
    "evaluate_targets",
    "find_misread_behaviors",
    "measure_clients",
    "measure_memory",
    "measure_scorer",
    "missed_targets",
    "run_self_test",
    "scorer_table",
    "timing_table",
]
