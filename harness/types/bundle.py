"""A published folder: which bytes it holds, and what it supersedes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FileDigest:
    """One file of a bundle by its bytes."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Supersedes:
    """A bundle that this one replaces: the digest of its manifest, and why. The old one stays as it is."""

    manifest_sha256: str
    reason: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """manifest.json of a bundle: every other file by its bytes. It is what a signature signs."""

    run_id: str
    files: Mapping[str, FileDigest]
    supersedes: Supersedes | None = None
