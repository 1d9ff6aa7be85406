"""The manifest of a published bundle: the digests of its files, and the bundle that it supersedes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class FileDigest:
    """Digest and size of one file of a bundle."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Supersedes:
    """The published bundle that this one corrects, named by the digest of its manifest, and the reason.

    `signer` is the fingerprint of the key that signed the old one; None if it is unsigned.
    """

    manifest_sha256: str
    reason: str
    signer: str | None


@dataclass(frozen=True, slots=True)
class Manifest:
    """manifest.json: the digest of every other file of the bundle. A signature covers the bytes of this file.

    `withheld` are the run's files that are left out because private tasks are in them.
    """

    run_id: str
    files: Mapping[str, FileDigest]
    supersedes: Supersedes | None = None
    withheld: Mapping[str, FileDigest] = field(default_factory=dict)
