"""Check a result that somebody else made: calls the stages again on what was published and compares, level by level."""

from harness.types import ALSO_CALLED, LEVELS, Finding, LevelReport, Verdict
from harness.verify.levels import Asked, verify
from harness.verify.replicated import Again

__all__ = ["ALSO_CALLED", "LEVELS", "Again", "Asked", "Finding", "LevelReport", "Verdict", "verify"]
