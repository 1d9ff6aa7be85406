"""The findings of a probe: what a running server does, compared with what its kind's TOML file states."""

from __future__ import annotations

from dataclasses import dataclass

from harness.types.common import Json

LONG_PROMPT = "long_prompt"
"""The finding on a prompt as long as the longest: complete, truncated, rejected, or read without its beginning."""

LEFT_TO_SERVER = "left_to_server"
"""The finding that names the fields which a model's requests leave to defaults of its server that surprise."""
IGNORED_BY_SERVER = "ignored_by_server"
"""The finding that names the fields of a model's requests which its server is known to ignore."""


@dataclass(frozen=True, slots=True)
class ProbeFinding:
    """One fact of a server: what its kind's TOML states and what the live server showed.

    `stated` None: the TOML says nothing; `live` None: it could not be seen. `agrees` is None in both cases.
    """

    name: str
    stated: Json = None
    live: Json = None
    agrees: bool | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """What `probe` found. The context in tokens: asked for, told by the server, the model's own, met by a prompt."""

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
