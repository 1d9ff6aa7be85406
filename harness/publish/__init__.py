"""Make a run publishable: a bundle that others can check, refused while it would mislead or tell of its owner.

Nothing published is ever edited: a correction is a new bundle that names the old one and says why.
"""

from harness.publish.bundle import Order, publish
from harness.publish.eee import write_eee
from harness.publish.refusals import refusals

__all__ = ["Order", "publish", "refusals", "write_eee"]
