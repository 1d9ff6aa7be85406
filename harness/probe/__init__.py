"""`probe`: ask a live server what its kind's TOML states of it, by at most ten short requests and one long one.

Finds facts about the server, never about how good or how fast a model is.
"""

from harness.probe.run import probe
from harness.probe.stream import observe

__all__ = ["observe", "probe"]
