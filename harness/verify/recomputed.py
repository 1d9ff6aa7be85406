"""Every number below the evidence computed again from the trials: cells, summaries, warnings, and what may come."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from harness.files import plain
from harness.summarise import summarise
from harness.verify.differ import MOST, differences
from harness.verify.evidence import Evidence
from harness.verify.findings import Finding

PARTS = ("cells", "summaries", "warnings")


def check_recomputed(evidence: Evidence) -> Iterator[Finding]:
    """The result is what summarise makes of its own evidence; numbers up to rounding, everything else exactly."""
    again = plain(summarise(evidence.result))
    for name in again:
        check = name if name in PARTS else "recomputed"
        found = differences(evidence.document.get(name), again[name], f"$.{name}")
        for path, text in islice(found, MOST):
            yield Finding(check, evidence.place(path), text)
