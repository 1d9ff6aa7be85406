"""Check a result that somebody else made: calls the stages again on what was published and compares, level by level."""

from harness.verify.findings import ALSO_CALLED, LEVELS, Finding, LevelReport, Verdict
from harness.verify.levels import Asked, verify
from harness.verify.replicated import Again
from harness.verify.source import expand

__all__ = ["ALSO_CALLED", "LEVELS", "Again", "Asked", "Finding", "LevelReport", "Verdict", "expand", "verify"]
