"""How far this kit's timings are from the truth, beside other clients on the same streams."""

from harness.calibration.reference import BEHAVIORS, serving
from harness.calibration.scorer_rate import PROGRAMS, Bench, bench_scorer, memory_over, rate_table
from harness.calibration.selftest import STREAMS, selftest
from harness.calibration.timing import Aim, Plan, Row, Shape, aims, measure, misunderstood, timing_table

__all__ = [
    "BEHAVIORS",
    "PROGRAMS",
    "STREAMS",
    "Aim",
    "Bench",
    "Plan",
    "Row",
    "Shape",
    "aims",
    "bench_scorer",
    "measure",
    "memory_over",
    "misunderstood",
    "rate_table",
    "selftest",
    "serving",
    "timing_table",
]
