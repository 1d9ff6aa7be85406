"""Computes every derived number of a result again from its evidence, and compares."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from harness import __version__
from harness.files import plain
from harness.summarize import summarize
from harness.types import Finding, Json, Severity
from harness.verify.evidence import Evidence
from harness.verify.json_diff import MAX_DIFFERENCES, differences
from harness.verify.trials import has_valid_names

CHECKS_OF_PARTS = ("cells", "summaries", "warnings")
"""The parts of a result that have a check of their own; the others share `derived`."""
PUBLISHED_WITHOUT_FEW_TRIALS = frozenset({"5a48c9ac3058da8b4c8bb63b20e844142a9148aa5d1fe11d0a4767ec8c545a78"})
"""The sha256 of the recordings of results that were published before the warning of few trials counted those that were
run: until 28 November 2026 the planned ones decided."""


def check_recomputed(evidence: Evidence) -> Iterator[Finding]:
    """The result is what `summarize` computes from its evidence; floats up to rounding, everything else exactly.

    A result whose trials name unknown models or tasks cannot be summarized; the check `trials` reports it.
    """
    if not has_valid_names(evidence):
        return
    recomputed = plain(summarize(evidence.result))
    # What an earlier format did not have yet, as gaps of twins, has its default: then there must be none to state.
    stated = plain(evidence.result)
    if (warning := _later_warning(evidence, recomputed["warnings"])) is not None:
        yield Finding("warnings", evidence.location("$.warnings"), f"does not warn: {warning['text']}", "warning")
        recomputed["warnings"] = stated["warnings"]
    is_other_kit = evidence.result.kit.version != __version__
    if is_other_kit:
        message = f"is {evidence.result.kit.version}, this is {__version__}: its warnings cannot be computed again"
        yield Finding("kit", evidence.location("$.kit.version"), message, "inconclusive")
    for name, expected in recomputed.items():
        check = name if name in CHECKS_OF_PARTS else "derived"
        # Another version of the kit may give other warnings or word them differently; its numbers must be the same.
        severity: Severity = "inconclusive" if is_other_kit and name == "warnings" else "error"
        parts = differences(stated[name], expected, f"$.{name}")
        for path, message in islice(parts, MAX_DIFFERENCES):
            yield Finding(check, evidence.location(path), message, severity)


def _later_warning(evidence: Evidence, expected: Sequence[Json]) -> Json:
    """The warning of few trials where it is all that one of the early results lacks; else None."""
    if evidence.result.digests.recordings_sha256 not in PUBLISHED_WITHOUT_FEW_TRIALS:
        return None
    lacked = [warning for warning in expected if warning["code"] == "few_trials"]
    others = [warning for warning in expected if warning["code"] != "few_trials"]
    is_all = not any(differences(evidence.document["warnings"], others, "$.warnings"))
    return lacked[0] if lacked and is_all else None
