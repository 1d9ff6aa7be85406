"""What every driver in Python shares: read the job from standard input, write the answer's files, report to the host.

The modules that an answer's own process loads have names that begin with python_, which no answer's file has by
accident: a driver's module of another name would stand in the way of `import NAME`. No expected value is in the
container, so nothing here has to be kept secret for a verdict to be right.
"""

import os

from python_json import dumps, loads

LINE_DESCRIPTOR = 190

# Bound before the answer is loaded, which may replace os.write.
_write = os.write


def read_message(descriptor):
    """A first line with the number of bytes, then that many bytes; None where the input has ended."""
    head = b""
    while not head.endswith(b"\n"):
        byte = os.read(descriptor, 1)
        if not byte:
            return None
        head += byte
    body = bytearray()
    while len(body) < int(head):
        piece = os.read(descriptor, min(1 << 20, int(head) - len(body)))
        if not piece:
            return None
        body += piece
    return body


def read_job(take=None):
    """The job's document, in JSON; `take` is called with each message that comes after it."""
    body = read_message(0)
    if body is None:
        os._exit(0)
    leave_with_the_kit(take)
    return loads(body)


def leave_with_the_kit(take=None):
    """End this process once the kit closes its end of standard input, which its death does, whatever the answer does.

    A thread that Python's threading does not know waits for it, on a descriptor of its own. It blocks every signal: the
    main thread blocks them all while it starts a program, and one that the kernel then gave to this thread would end
    process 1.
    """
    import _signal
    import _thread
    import fcntl

    line = fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, LINE_DESCRIPTOR)
    mask = _signal.pthread_sigmask(_signal.SIG_BLOCK, _signal.valid_signals())
    _thread.start_new_thread(_wait_for_end, (line, take))
    _signal.pthread_sigmask(_signal.SIG_SETMASK, mask)


def exit_on_signal():
    """Have the C library's _exit called by the signal that `signal_end` asks for.

    The thread above needs the interpreter's lock, which the answer's code may hold while it sleeps. By its default
    action no signal ends process 1 of a container, so that it takes a handler, and one in Python needs the lock too.
    What ctypes does for this takes 1 ms, and to import it 7 ms.
    """
    import _ctypes
    import _signal

    class Pointer(_ctypes._SimpleCData):
        _type_ = "P"

    library = _ctypes.dlopen(None, 0)
    handler = Pointer(_ctypes.dlsym(library, "_exit"))
    _ctypes.call_function(_ctypes.dlsym(library, "signal"), (int(_signal.SIGIO), handler))


def signal_end(*, is_on):
    """Let the kernel end this process once the kit closes its end of the line, which must stay silent meanwhile.

    The kernel signals data on the line as it does its end. Where it cannot, the thread above is all there is.
    """
    import fcntl

    try:
        fcntl.fcntl(LINE_DESCRIPTOR, fcntl.F_SETOWN, os.getpid())
        flags = fcntl.fcntl(LINE_DESCRIPTOR, fcntl.F_GETFL)
        fcntl.fcntl(LINE_DESCRIPTOR, fcntl.F_SETFL, flags | os.O_ASYNC if is_on else flags & ~os.O_ASYNC)
    except OSError:
        return


def _wait_for_end(line, take):
    try:
        if take is None:
            while os.read(line, 1):
                pass
        else:
            while (message := read_message(line)) is not None:
                take(message)
    except OSError:
        return
    os._exit(0)


def claim_stdout():
    """Move standard output to a descriptor far from the usual numbers; 0, 1 and 2 become /dev/null.

    What an answer prints therefore cannot mix with the report by accident.
    """
    import fcntl

    output = fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, 200)
    null = os.open("/dev/null", os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number, inheritable=True)
    os.close(null)
    return output


def write_files(folder, files):
    """Write the job's files below a folder."""
    for path, text in files.items():
        target = os.path.join(folder, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "w", encoding="utf-8", errors="surrogatepass", newline="") as file:
            file.write(text)


class Report:
    """Writes the lines of the protocol."""

    def __init__(self, output, nonce):
        self._output, self._nonce = output, nonce

    def send(self, event, **fields):
        """Write one line in full."""
        line = memoryview((dumps({"n": self._nonce, "e": event, **fields}) + "\n").encode("ascii"))
        while line:
            line = line[_write(self._output, line) :]
