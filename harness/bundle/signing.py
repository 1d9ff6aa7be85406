"""SSH signatures of a file by `ssh-keygen -Y`: everybody with a git host account has such a key already.

A good signature says that the bytes have not changed since the holder of that key signed them. It does not say that
they are true, when they were signed, or who the holder is: a name stands for a key only where somebody you trust has
written the two into one allowed-signers file.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from harness.errors import LanebenchError, UncheckedError

NAMESPACE = "lanebench-bundle-v1"
"""What is signed, so that a signature for another purpose is none here."""
PROGRAM = "ssh-keygen"
_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Signer:
    """Whose key signed: its fingerprint, and its name in the allowed-signers file, None where it has none there."""

    fingerprint: str
    name: str | None = None


def _run(words: list[str], stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run([PROGRAM, *words], input=stdin, capture_output=True, timeout=_TIMEOUT_S, check=False)
    except FileNotFoundError as error:
        raise UncheckedError(f"{PROGRAM} is not on this machine: install OpenSSH's client") from error
    except subprocess.TimeoutExpired as error:
        raise UncheckedError(f"{PROGRAM} did not answer within {_TIMEOUT_S} s") from error


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    return (done.stdout + done.stderr).decode("utf-8", "replace").strip()


def sign(file: Path, key: Path) -> Path:
    """Write FILE.sig with a private key (or a public one whose private half is in the agent). Raises LanebenchError."""
    signature = file.with_name(file.name + ".sig")
    signature.unlink(missing_ok=True)
    # Without a terminal a key with a passphrase must come from the agent: ssh-keygen says so itself.
    done = _run(["-Y", "sign", "-n", NAMESPACE, "-f", str(key), str(file)])
    if done.returncode != 0 or not signature.is_file():
        raise LanebenchError(f"{key}: cannot sign: {_said(done)}: give the path of an SSH key of yours")
    return signature


def _name_of(signature: Path, signers: Path, data: bytes) -> str | None:
    found = _run(["-Y", "find-principals", "-s", str(signature), "-f", str(signers)])
    names = found.stdout.decode("utf-8", "replace").splitlines() if found.returncode == 0 else []
    for name in names:
        words = ["-Y", "verify", "-n", NAMESPACE, "-f", str(signers), "-I", name, "-s", str(signature)]
        if _run(words, data).returncode == 0:
            return name
    return None


def signer_of(data: bytes, signature: bytes, signers: Path | None = None) -> Signer | None:
    """Who signed these bytes, None when the signature is not one of them. Raises UncheckedError without ssh-keygen."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "signature"
        path.write_bytes(signature)
        done = _run(["-Y", "check-novalidate", "-n", NAMESPACE, "-s", str(path)], data)
        found = re.search(r"key (SHA256:[A-Za-z0-9+/=]+)", _said(done))
        if done.returncode != 0 or found is None:
            return None
        return Signer(found.group(1), _name_of(path, signers, data) if signers is not None else None)
