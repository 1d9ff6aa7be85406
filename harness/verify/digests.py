"""Checks of bytes against their digests: the manifest, the result's digests, the answers' own."""

from __future__ import annotations

from collections.abc import Iterator

from harness.files import sha256_of
from harness.types import Json
from harness.verify.documents import digest_of
from harness.verify.evidence import Evidence, key_of, told
from harness.verify.findings import Finding
from harness.verify.source import MANIFEST, MODELS, PLAN, RECORDINGS, SCORES, SIGNATURE

NOT_LISTED = (MANIFEST, SIGNATURE)
PAGE = "report.html"
BESIDE = (PLAN, MODELS, PAGE)
"""What a run folder holds beside a bundle's files; nothing is concluded from them that the result states."""


def check_manifest(evidence: Evidence, manifest: Json) -> Iterator[Finding]:
    """Every file of the manifest is there with its bytes, and no other file is."""
    shelf = evidence.shelf
    place, files = shelf.place(MANIFEST), manifest["files"]
    for name, listed in sorted(files.items()):
        if not shelf.has(name):
            yield Finding("manifest", place, f"lists {name}, which is not there")
        elif shelf.source.sizes[name] != listed["size_bytes"] or digest_of(shelf, name) != listed["sha256"]:
            yield Finding("manifest", shelf.place(name), "its bytes are not those that the manifest lists")
    for name in sorted(set(shelf.source.sizes) - set(files) - set(NOT_LISTED)):
        yield Finding("manifest", shelf.place(name), "is not listed in the manifest")


def check_digests(evidence: Evidence) -> Iterator[Finding]:
    """recordings.jsonl and scores.jsonl are the files that the result was made from."""
    digests = evidence.result.digests
    for name, field, stated in (
        (RECORDINGS, "recordings_sha256", digests.recordings_sha256),
        (SCORES, "scores_sha256", digests.scores_sha256),
    ):
        place = evidence.place(f"$.digests.{field}")
        if not evidence.shelf.has(name):
            continue
        if stated is None:
            yield Finding("digests", place, f"is null, but {name} is there")
        elif digest_of(evidence.shelf, name) != stated:
            yield Finding("digests", place, f"is not the sha256 of {name}: one of the two was changed")


def check_answers(evidence: Evidence) -> Iterator[Finding]:
    """Each answer has its own digest."""
    for at, trial in enumerate(evidence.result.trials):
        for number, turn in enumerate(trial.turns):
            if sha256_of(turn.content) != turn.content_sha256:
                place = evidence.place(f"$.trials[{at}].turns[{number}].content_sha256")
                yield Finding("answers", place, f"is not the sha256 of the answer of {told(key_of(trial))}")
