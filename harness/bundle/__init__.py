"""Results as files: open them from untrusted sources, publish them as signed bundles, and export them.

`open_source` and `SourceReader` read an untrusted file, folder or zip; `publish` makes a bundle of a run and refuses
runs that would mislead readers or reveal their owner; `write_form` exports a result in one of the forms of others that
FORMS lists. A published bundle is never changed: a correction is a new bundle that names the old one and the reason.
"""

from harness.bundle.forms import FORMS, write_form
from harness.bundle.publish import PublishRequest, manifest_digest, publish, signer_of
from harness.bundle.reader import SourceReader, UnreadableError, parse_document
from harness.bundle.refusals import PrivateStrings, find_refusals, host_of
from harness.bundle.signing import Signer, identify_signer
from harness.bundle.source import (
    FINDER_FILES,
    LOG,
    MANIFEST,
    MODELS,
    PLAN,
    READ_ERRORS,
    RECORDINGS,
    RESULT,
    SCORES,
    SIGNATURE,
    ReadLimits,
    Source,
    find_results,
    open_source,
)

__all__ = [
    "FINDER_FILES",
    "FORMS",
    "LOG",
    "MANIFEST",
    "MODELS",
    "PLAN",
    "READ_ERRORS",
    "RECORDINGS",
    "RESULT",
    "SCORES",
    "SIGNATURE",
    "PrivateStrings",
    "PublishRequest",
    "ReadLimits",
    "Signer",
    "Source",
    "SourceReader",
    "UnreadableError",
    "find_refusals",
    "find_results",
    "host_of",
    "identify_signer",
    "manifest_digest",
    "open_source",
    "parse_document",
    "publish",
    "signer_of",
    "write_form",
]
