"""How far this kit's timings are from the truth, beside other clients on the same streams."""

from harness.bench_client.measure import Aim, Plan, Row, Shape, aims, measure, misunderstood, table

__all__ = ["Aim", "Plan", "Row", "Shape", "aims", "measure", "misunderstood", "table"]
