"""What every Python driver shares: read the job from standard input, keep a private line out, say what happened.

Standard output becomes a private descriptor; 0, 1 and 2 of the answer are /dev/null. Nothing here is a secret that
keeps a verdict right: no expected value is in the container.
"""

import os

from python_json import dumps, loads

_write = os.write


def read_job():
    """The job's document: a first line with the number of bytes, then that many bytes of JSON."""
    head = b""
    while not head.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            os._exit(0)
        head += byte
    body = bytearray()
    while len(body) < int(head):
        piece = os.read(0, min(1 << 20, int(head) - len(body)))
        if not piece:
            os._exit(0)
        body += piece
    return loads(body)


def take_stdout():
    """A private copy of descriptor 1, far from the usual numbers; 0 and 1 and 2 become /dev/null."""
    import fcntl

    out = fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, 200)
    null = os.open("/dev/null", os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number, inheritable=True)
    os.close(null)
    return out


def put_files(folder, files):
    """Write the job's files below a folder."""
    for path, text in files.items():
        target = os.path.join(folder, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "w", encoding="utf-8", errors="surrogatepass", newline="") as file:
            file.write(text)


class Report:
    """Writes the lines of the protocol."""

    def __init__(self, out, nonce):
        self._out, self._nonce = out, nonce

    def say(self, event, **what):
        """One line, written whole."""
        line = memoryview((dumps({"n": self._nonce, "e": event, **what}) + "\n").encode("ascii"))
        while line:
            line = line[_write(self._out, line) :]
