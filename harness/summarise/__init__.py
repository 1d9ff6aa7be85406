"""Stage 4: what was recorded and scored becomes the numbers of the result. Pure: `verify` computes them again."""

from harness.summarise.result import summarise
from harness.summarise.trials import trial_result

__all__ = ["summarise", "trial_result"]
