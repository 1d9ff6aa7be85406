"""The limits of checking: what no reading of a result finds. README repeats the list, `verify` prints a line of it.

Each entry of LIMITS has a short name and what it means. Running the trials again on another machine (`replicated`) is
the way out of all but the last one.
"""

from __future__ import annotations

from collections.abc import Mapping

LIMITS: Mapping[str, str] = {
    "a server that knows the answers": "it may answer from a task's solution/, from a larger model or from a person: "
    "the streams, their times and the server's own figures are as real as any",
    "a modified kit": "it may repeat trials until they pass and write plan, times, log and chain anew, all of them in "
    "agreement; a signature and an anchor bind whoever made it, and no more",
    "claims about hardware and weights": "machine, memory, quantization, server version and settings outside of the "
    "requests are what the owner says; tuned hardware and other weights under the same name look alike",
    "invented votes": "a judging that was made up as a whole, with mapping, chain and the replies of a judging model",
    "a run chosen from many": "runs that nobody published are not there to be seen, and nor is what was recorded after "
    "a copy of the whole run folder that was put back later",
}
"""The name of each limit -> what it means."""


def limits_line() -> str:
    """All limits in one sentence."""
    *names, last = LIMITS
    return f"No reading finds {', '.join(names)}, or {last}."
