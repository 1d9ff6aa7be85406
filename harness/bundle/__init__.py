"""Make a run publishable: a bundle that others can check, refused while it would mislead or tell of its owner.

Nothing published is ever edited: a correction is a new bundle that names the old one and says why.
"""

from harness.bundle.eee import write_eee
from harness.bundle.publish import Order, publish
from harness.bundle.refusals import refusals
from harness.bundle.signing import signer_of
from harness.bundle.source import (
    MANIFEST,
    MODELS,
    PLAN,
    READ_ERRORS,
    RECORDINGS,
    RESULT,
    SCORES,
    SIGNATURE,
    Caps,
    Source,
    expand,
    open_source,
)

__all__ = [
    "MANIFEST",
    "MODELS",
    "PLAN",
    "READ_ERRORS",
    "RECORDINGS",
    "RESULT",
    "SCORES",
    "SIGNATURE",
    "Caps",
    "Order",
    "Source",
    "expand",
    "open_source",
    "publish",
    "refusals",
    "signer_of",
    "write_eee",
]
