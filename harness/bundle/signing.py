"""SSH signatures of a file by `ssh-keygen -Y`: everyone with an account at a git host has such a key already.

`sign` writes a signature, `identify_signer` checks one. A valid signature proves that the bytes have not changed since
the holder of that key signed them. It does not prove that they are true, when they were signed, or who the holder is: a
key has a name only if an allowed-signers file that you trust gives it one.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import LanebenchError, UncheckedError

NAMESPACE = "lanebench-bundle-v1"
"""ssh-keygen signs the namespace too, so a signature made for another purpose (git, a file) is not valid here."""
PROGRAM = "ssh-keygen"
_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Signer:
    """The fingerprint of the key that signed, and its name in the allowed-signers file; None if it may not sign by it.

    `refusal` says why a key may not that the file lists: it has expired, or is for another namespace.
    """

    fingerprint: str
    name: str | None = None
    refusal: str = ""


def sign(file: Path, key: Path) -> Path:
    """Write FILE.sig with a private key, or with a public key whose private half the agent holds.

    Raises LanebenchError.
    """
    signature = file.with_name(f"{file.name}.sig")
    signature.unlink(missing_ok=True)
    # There is no terminal, so the agent must hold a key that has a passphrase; ssh-keygen's own message says so.
    done = _ssh_keygen(["-Y", "sign", "-n", NAMESPACE, "-f", str(key), str(file)])
    if done.returncode != 0 or not signature.is_file():
        raise LanebenchError(f"{key}: cannot sign: {_output(done)}", fix="give the path of one of your SSH keys")
    return signature


def identify_signer(data: bytes, signature: bytes, signers: Path | None = None) -> Signer | None:
    """The key that signed these bytes; None for an invalid signature. Raises UncheckedError without ssh-keygen."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "signature"
        path.write_bytes(signature)
        done = _ssh_keygen(["-Y", "check-novalidate", "-n", NAMESPACE, "-s", str(path)], data)
        fingerprint = re.search(r"key (SHA256:[A-Za-z0-9+/=]+)", _output(done))
        if done.returncode != 0 or fingerprint is None:
            return None
        return Signer(fingerprint[1], *((None, "") if signers is None else _find_name(path, signers, data)))


def _find_name(signature: Path, signers: Path, data: bytes) -> tuple[str | None, str]:
    """The name of the key in the file, or why a key that the file lists may not sign; (None, "") if it lists none."""
    done = found = _ssh_keygen(["-Y", "find-principals", "-s", str(signature), "-f", str(signers)])
    names = found.stdout.decode("utf-8", "replace").splitlines() if found.returncode == 0 else []
    for name in names:
        arguments = ["-Y", "verify", "-n", NAMESPACE, "-f", str(signers), "-I", name, "-s", str(signature)]
        done = _ssh_keygen(arguments, data)
        if done.returncode == 0:
            return name, ""
    # "FILE:3: key has expired" is about the line with the key that signed; what else ssh-keygen says of a line is that
    # it cannot be read, such as "FILE:3: invalid key", whoever's key it has.
    reason = re.search(
        rf"^{re.escape(str(signers))}:\d+: (key (?:has expired|is not yet valid|is not permitted for use).*)$",
        done.stderr.decode("utf-8", "replace"),
        re.MULTILINE,
    )
    return None, reason[1].strip() if reason else ""


def _ssh_keygen(arguments: Sequence[str], stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [PROGRAM, *arguments]
    try:
        return subprocess.run(command, input=stdin, capture_output=True, timeout=_TIMEOUT_S, check=False)
    except FileNotFoundError as error:
        raise UncheckedError(f"{PROGRAM} is not installed", fix="install the OpenSSH client") from error
    except subprocess.TimeoutExpired as error:
        raise UncheckedError(f"{PROGRAM} did not finish within {_TIMEOUT_S} s") from error


def _output(done: subprocess.CompletedProcess[bytes]) -> str:
    return (done.stdout + done.stderr).decode("utf-8", "replace").strip()
