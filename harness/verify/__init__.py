"""Verifies a result that somebody else made, level by level, by computing it again from what was published.

`verify(path, options)` returns a verdict with a report for each level. Each level builds on those before it:

    readable     the files can be read, safely
    schema       every document is valid under its schema
    consistent   (arithmetic) every number follows from the trials, and the trials are those of the plan
    reread       the recorded streams give the same answers, counts and timings; each request was the task's
    rescored     (rescore) the answers, run again in the sandbox, get the same verdicts
    replicated   trials of the same models, run on the user's own server, agree within chance

No output says "verified" without a level. Only `rescored` and `replicated` run code from the result, in the sandbox.
What no reading finds stands in limits.py.
"""

from harness.verify.levels import VerifyOptions, read_verified, verify
from harness.verify.limits import LIMITS, limits_line
from harness.verify.replicated import Replication

__all__ = ["LIMITS", "Replication", "VerifyOptions", "limits_line", "read_verified", "verify"]
