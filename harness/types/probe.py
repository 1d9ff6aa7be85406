"""The findings of a probe: what a running server does, compared with what its kind's TOML file states."""

from __future__ import annotations

from dataclasses import dataclass

from harness.types.common import Json

LONG_PROMPT = "long_prompt"
"""The finding on a prompt as long as the longest of the run: complete, truncated, rejected, or its start lost."""

SERVER_DEFAULT_USED = "server_default_used"
"""The finding on request fields that are not sent, although the server's defaults for them are unusual."""
IGNORED_BY_SERVER = "ignored_by_server"
"""The finding on request fields that are sent, although servers of this kind ignore them."""


@dataclass(frozen=True, slots=True)
class ProbeFinding:
    """One property of a server: what its kind's TOML file states, and what was observed of the running server.

    `stated` is None if the file says nothing, `observed` if it could not be observed; `agrees` is None in both cases.
    """

    name: str
    stated: Json = None
    observed: Json = None
    agrees: bool | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """The report of a probe: the server's models and version, the findings, and how many requests it took.

    The four contexts, in tokens, are those that the user configured, the server reports, the model supports, and a long
    prompt reached. The two rates are the best of these few requests: good enough for a forecast, and no measurement.
    """

    server: str
    model: str
    models: tuple[str, ...]
    version: str | None
    context_configured: int | None
    context_reported: int | None
    context_model: int | None
    context_probed: int | None
    findings: tuple[ProbeFinding, ...]
    short_requests: int
    long_requests: int
    prefill_tps: float | None = None
    decode_tps: float | None = None
