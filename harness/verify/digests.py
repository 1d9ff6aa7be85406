"""Checks of bytes against their digests: the manifest and its signature, the run's files, the answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.bundle import (
    FINDER_FILES,
    LOG,
    MANIFEST,
    RECORDINGS,
    SCORES,
    SIGNATURE,
    Signer,
    SourceReader,
    identify_signer,
)
from harness.errors import UncheckedError
from harness.files import sha256_of
from harness.types import Digests, Finding, Json, Severity
from harness.verify.evidence import Evidence, describe, key_of

BEGINNING_BYTES = 1024 * 1024
NOT_LISTED = (MANIFEST, SIGNATURE)
"""The files of a bundle that its manifest does not list: itself, and the signature of its bytes."""


def check_manifest(evidence: Evidence) -> Iterator[Finding]:
    """The bundle holds exactly the files of the manifest, with their bytes, and is of the result's run."""
    manifest, location = evidence.manifest, evidence.reader.location(MANIFEST)
    if manifest is None:
        return
    if manifest["run_id"] != evidence.result.run.id:
        message = f"is of run {manifest['run_id']}, the result is of run {evidence.result.run.id}"
        yield Finding("manifest", location, message)
    yield from _check_files(evidence, manifest["files"])
    stated = as_digests(evidence.result.digests)
    for name, file in withheld(evidence).items():
        if evidence.reader.has(name) or file["sha256"] != stated.get(name):
            yield Finding("manifest", location, f"says that {name} is withheld, which is here or of another result")


def withheld(evidence: Evidence) -> Mapping[str, Json]:
    """The files that the manifest names as left out, because private tasks are in them."""
    return {} if evidence.manifest is None else evidence.manifest.get("withheld", {})


def as_digests(digests: Digests) -> dict[str, str | None]:
    """File name -> the digest that the result states."""
    return {RECORDINGS: digests.recordings_sha256, SCORES: digests.scores_sha256, LOG: digests.log_sha256}


def check_supersedes(evidence: Evidence) -> Iterator[Finding]:
    """A correction is signed by the key that signed what it corrects; a note names both, a warning says if not.

    The corrected bundle is not here: which key signed it is what the correction says. check-pr compares with it.
    """
    old = evidence.manifest["supersedes"] if evidence.manifest is not None else None
    if old is None:
        return
    try:
        key = _signer_of(evidence)
    except UncheckedError:
        key = None
    severity: Severity = "info"
    if old["signer"] is None:
        by = "nobody signed that one, so that anybody may have made this correction"
    elif key is not None and key.fingerprint == old["signer"]:
        by = "the same key signed that one"
    else:
        by, severity = f"another key signed that one ({old['signer']}): its publisher may not agree", "warning"
    message = (
        f"says that it supersedes the bundle with manifest {old['manifest_sha256']}, and that {by}: {old['reason']}"
    )
    yield Finding("supersedes", evidence.reader.location(MANIFEST), message, severity)


def _check_files(evidence: Evidence, listed: Json) -> Iterator[Finding]:
    reader = evidence.reader
    sizes = reader.source.sizes
    for name, file in sorted(listed.items()):
        if not reader.has(name):
            yield Finding("manifest", reader.location(MANIFEST), f"lists {name}, which is missing")
        elif sizes[name] != file["size_bytes"] or reader.digest(name) != file["sha256"]:
            message = f"does not have the size and digest of the manifest{_explain_newlines(reader, name)}"
            yield Finding("manifest", reader.location(name), message)
    for name in sorted(set(sizes) - set(listed) - set(NOT_LISTED)):
        reason = ": Finder wrote it, remove it" if name in FINDER_FILES else ""
        yield Finding("manifest", reader.location(name), f"is not listed in the manifest{reason}")


def _explain_newlines(reader: SourceReader, name: str) -> str:
    """What to say of a changed file whose newlines were converted, which git and some editors do by themselves."""
    converted = b"\r\n" in reader.read_beginning(name, BEGINNING_BYTES)
    return ": its newlines were converted to CRLF, use the published zip as it is" if converted else ""


def check_signature(evidence: Evidence) -> Iterator[Finding]:
    """A signature, if there is one, is valid for the manifest; a note names the key.

    With an allowed-signers file there must be a signature, by one of its keys.
    """
    reader = evidence.reader
    location = reader.location(SIGNATURE)
    if not reader.has(SIGNATURE):
        if evidence.signers is not None:
            yield Finding("signature", location, f"is missing, and {evidence.signers} demands one")
        return
    try:
        signer = _signer_of(evidence)
    except UncheckedError as error:
        yield Finding("signature", location, f"cannot be checked: {error}", "inconclusive")
        return
    if signer is None:
        yield Finding("signature", location, "is not a valid signature of the manifest")
        return
    if signer.name is None and evidence.signers is not None:
        message = f"is by {signer.fingerprint}, a key that {evidence.signers} does not list"
        if signer.refusal:
            message = f"is by {signer.fingerprint}, which {evidence.signers} lists and does not allow: {signer.refusal}"
        yield Finding("signature", location, message)
        return
    name = signer.name or "no allowed-signers file names the holder of this key"
    message = f"signed with {signer.fingerprint} ({name}): unchanged since then, which does not prove that it is true"
    yield Finding("signature", location, message, "info")


def _signer_of(evidence: Evidence) -> Signer | None:
    """Who signed the manifest; None without a valid signature. Raises UncheckedError without ssh-keygen."""
    reader = evidence.reader
    if not reader.has(SIGNATURE):
        return None
    return identify_signer(reader.read_bytes(MANIFEST), reader.read_bytes(SIGNATURE), evidence.signers)


def check_digests(evidence: Evidence) -> Iterator[Finding]:
    """Recordings, scores and log are the files that the result was made from."""
    for file, stated in as_digests(evidence.result.digests).items():
        location = evidence.location(f"$.digests.{file.removesuffix('.jsonl')}_sha256")
        if not evidence.reader.has(file):
            continue
        if stated is None:
            yield Finding("digests", location, f"is null, although {file} exists")
        elif evidence.reader.digest(file) != stated:
            reason = _explain_newlines(evidence.reader, file) or ": one of the two was modified"
            yield Finding("digests", location, f"is not the sha256 of {file}{reason}")


def check_answer_digests(evidence: Evidence) -> Iterator[Finding]:
    """Each answer has the digest that is stated beside it; those of private tasks may be withheld."""
    private = evidence.result.private_tasks if withheld(evidence) else {}
    for at, trial in enumerate(evidence.result.trials):
        for number, turn in enumerate(trial.turns):
            if turn.is_withheld and trial.task in private:
                continue
            if sha256_of(turn.content) != turn.content_sha256:
                location = evidence.location(f"$.trials[{at}].turns[{number}].content_sha256")
                message = f"is not the sha256 of the answer of {describe(key_of(trial))}"
                yield Finding("answer-digests", location, message)
