"""Every number below the evidence computed again from the trials: cells, summaries, warnings, and what may come."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from harness import __version__
from harness.files import plain
from harness.summarize import summarize
from harness.types import Finding, Severity
from harness.verify.evidence import Evidence
from harness.verify.json_diff import MOST, differences
from harness.verify.trials import names_hold

PARTS = ("cells", "summaries", "warnings")


def check_recomputed(evidence: Evidence) -> Iterator[Finding]:
    """The result is what summarize makes of its own evidence; numbers up to rounding, everything else exactly.

    Silent where trials name what is not there: `trials` tells that, and nothing can be computed.
    """
    if not names_hold(evidence):
        return
    again = plain(summarize(evidence.result))
    other_kit = evidence.result.kit.version != __version__
    for name, stated in evidence.document.items():
        if name == "schema_version":
            continue
        check = name if name in PARTS else "recomputed"
        # Another kit may know fewer warnings, or say them otherwise; its numbers must be the same.
        severity: Severity = "doubt" if other_kit and name == "warnings" else "fault"
        for path, text in islice(differences(stated, again.get(name), f"$.{name}"), MOST):
            yield Finding(check, evidence.place(path), text, severity)
