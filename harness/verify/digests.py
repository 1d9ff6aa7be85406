"""Checks of bytes against their digests: the manifest, the result's digests, the answers' own."""

from __future__ import annotations

from collections.abc import Iterator

from harness.bundle import MANIFEST, RECORDINGS, SCORES, SIGNATURE, signer_of
from harness.errors import UncheckedError
from harness.files import sha256_of
from harness.types import Finding
from harness.verify.documents import digest_of, read_bytes
from harness.verify.evidence import Evidence, key_of, told

NOT_LISTED = (MANIFEST, SIGNATURE)


def check_manifest(evidence: Evidence) -> Iterator[Finding]:
    """Every file of the manifest is there with its bytes, and no other file is; the run is the result's."""
    shelf, manifest = evidence.shelf, evidence.manifest
    if manifest is None:
        return
    place, files = shelf.place(MANIFEST), manifest["files"]
    if manifest["run_id"] != evidence.result.run.id:
        yield Finding("manifest", place, f"is of run {manifest['run']}, the result of {evidence.result.run.id}")
    if manifest["supersedes"] is not None:
        old = manifest["supersedes"]
        text = f"supersedes the bundle with manifest {old['manifest_sha256']}: {old['reason']}"
        yield Finding("manifest", place, text, "note")
    for name, listed in sorted(files.items()):
        if not shelf.has(name):
            yield Finding("manifest", place, f"lists {name}, which is not there")
        elif shelf.source.sizes[name] != listed["size_bytes"] or digest_of(shelf, name) != listed["sha256"]:
            yield Finding("manifest", shelf.place(name), "its bytes are not those that the manifest lists")
    for name in sorted(set(shelf.source.sizes) - set(files) - set(NOT_LISTED)):
        yield Finding("manifest", shelf.place(name), "is not listed in the manifest")


def check_signature(evidence: Evidence) -> Iterator[Finding]:
    """A signature that is there is one of the manifest's bytes; whose it is stands in a note, and what that proves."""
    shelf = evidence.shelf
    if not shelf.has(SIGNATURE):
        return
    place = shelf.place(SIGNATURE)
    try:
        signer = signer_of(read_bytes(shelf, MANIFEST), read_bytes(shelf, SIGNATURE), evidence.signers)
    except UncheckedError as error:
        yield Finding("signature", place, f"cannot be checked: {error}", "unknown")
        return
    if signer is None:
        yield Finding("signature", place, "is not a signature of this manifest")
        return
    named = signer.name or "whose it is nobody says here: --signers FILE gives keys their names"
    text = f"signed with {signer.fingerprint} ({named}): unchanged since then, which says nothing of its truth"
    yield Finding("signature", place, text, "note")


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
