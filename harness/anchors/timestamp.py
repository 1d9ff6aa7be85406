"""Time stamps of RFC 3161: `request_timestamp` gets one for a digest, `read_timestamp` checks one.

The library rfc3161-client, which is installed with the extra `anchor`, encodes, decodes and verifies. What is stamped
is the SHA-256 of the digest's hexadecimal digits: anybody can repeat the check with `openssl ts -verify`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import LanebenchError, ServerError, UncheckedError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from rfc3161_client import TimeStampResponse

TIMEOUT_S = 15.0
MAX_RESPONSE_BYTES = 64 * 1024
_INSTALL = "install the library with `pip install 'lanebench[anchor]'`"


class InvalidTimestampError(LanebenchError):
    """A time stamp that is damaged, stamps something else, or was not signed by a listed authority."""


@dataclass(frozen=True, slots=True)
class Timestamp:
    """When a digest existed at the latest. `trusted`: the signature is by an authority that the reader trusts."""

    time: datetime
    trusted: bool


def request_timestamp(url: str, digest: str) -> str:
    """The authority's time stamp of a digest, base64.

    Raises ServerError if it does not answer or refuses, UncheckedError without the library.
    """
    try:
        return _request(url, digest, certificates=True)
    except ImportError as error:
        raise UncheckedError("time stamps need the library rfc3161-client", fix=_INSTALL) from error
    except InvalidTimestampError:
        # OpenSSL's authority does not sort the certificates that it adds, which the library refuses.
        pass
    try:
        return _request(url, digest, certificates=False)
    except InvalidTimestampError as error:
        raise ServerError(f"{url}: no valid time stamp: {error.message}") from error


def _request(url: str, digest: str, *, certificates: bool) -> str:
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

    builder = TimestampRequestBuilder().data(digest.encode("ascii")).hash_algorithm(HashAlgorithm.SHA256)
    request = builder.nonce(nonce=True).cert_request(cert_request=certificates).build()
    token = base64.b64encode(_post(url, request.as_bytes())).decode("ascii")
    response = _decode(token)
    if response.tst_info.nonce != request.nonce:
        raise InvalidTimestampError("it answers another request")
    _require_digest(response, digest)
    return token


def _post(url: str, body: bytes) -> bytes:
    headers = {"Content-Type": "application/timestamp-query", "User-Agent": "lanebench"}
    request = urllib.request.Request(url, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
            answer: bytes = response.read(MAX_RESPONSE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise ServerError(f"{url}: the time-stamp authority does not answer: {reason}") from error
    return answer


def read_timestamp(token: str, digest: str, roots: Path | None = None) -> Timestamp:
    """When an authority stamped a digest; `roots` are the certificates, PEM, of those that the reader trusts.

    Raises InvalidTimestampError, and UncheckedError without the library or without readable roots.
    """
    try:
        response = _decode(token)
    except ImportError as error:
        raise UncheckedError("time stamps need the library rfc3161-client", fix=_INSTALL) from error
    _require_digest(response, digest)
    if roots is not None:
        _require_signature(response, digest, roots)
    return Timestamp(_time_of(response), roots is not None)


def _time_of(response: TimeStampResponse) -> datetime:
    """The time of a stamp, which the library decodes only when it is read: not every one is in the calendar."""
    try:
        return response.tst_info.gen_time
    except ValueError as error:
        raise InvalidTimestampError(f"its time is none: {error}") from error


def _decode(token: str) -> TimeStampResponse:
    from rfc3161_client import decode_timestamp_response

    try:
        data = base64.b64decode(token, validate=True)
        if len(data) > MAX_RESPONSE_BYTES:
            raise InvalidTimestampError(f"larger than {MAX_RESPONSE_BYTES} bytes")
        response = decode_timestamp_response(data)
        if response.status != 0:
            raise InvalidTimestampError(f"refused with status {response.status}: {'; '.join(response.status_string)}")
        assert response.tst_info.message_imprint is not None
    except (ValueError, binascii.Error) as error:
        raise InvalidTimestampError(f"not a time stamp of RFC 3161: {error}") from error
    return response


def _require_digest(response: TimeStampResponse, digest: str) -> None:
    if response.tst_info.message_imprint.message != hashlib.sha256(digest.encode("ascii")).digest():
        raise InvalidTimestampError("stamps something else")


def _require_signature(response: TimeStampResponse, digest: str, roots: Path) -> None:
    """The token is signed by an authority under one of the roots.

    A token without certificates needs that of the authority itself, which must be among them then.
    """
    from cryptography.x509 import load_pem_x509_certificates
    from rfc3161_client import VerificationError, VerifierBuilder

    try:
        certificates = load_pem_x509_certificates(roots.read_bytes())
    except (OSError, ValueError) as error:
        raise UncheckedError(f"{roots}: no certificates in PEM: {error}") from error
    own = [None] if response.signed_data.certificates else [cert for cert in certificates if _is_authority(cert)]
    reason = "it brings no certificate, and the file has none of an authority"
    for certificate in own:
        try:
            builder = VerifierBuilder(roots=certificates, tsa_certificate=certificate)
            builder.build().verify_message(response, digest.encode("ascii"))
        except VerificationError as error:
            reason = str(error)
        else:
            return
    raise InvalidTimestampError(f"not signed by an authority of {roots}: {reason}")


def _is_authority(certificate: Certificate) -> bool:
    """Whether a certificate is that of a time-stamp authority."""
    from cryptography.x509 import ExtendedKeyUsage, ExtensionNotFound
    from cryptography.x509.oid import ExtendedKeyUsageOID

    try:
        usage = certificate.extensions.get_extension_for_class(ExtendedKeyUsage)
    except ExtensionNotFound:
        return False
    return ExtendedKeyUsageOID.TIME_STAMPING in usage.value
