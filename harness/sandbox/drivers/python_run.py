"""Run a program to its end inside the container: limit what it writes, and end every process that it leaves running.

The driver is process 1 of its container's process namespace: no signal from inside whose action is the default can kill
or stop it (pid_namespaces(7)). Python has an action of its own for SIGINT; `ignore_interrupts` restores the default.
"""

import contextlib
import errno
import os
import selectors
import signal
import subprocess

PIECE_BYTES = 65536
MAX_STDERR_BYTES = 4096


def ignore_interrupts():
    """Keep a SIGINT from inside from ending this process; programs that it starts have the default action anyway."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def kill_other_processes():
    """Kill and reap every other process of the container."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, 9)
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def oom_kills():
    """How many processes the kernel has killed here for lack of memory; 0 where the cgroup does not show it."""
    for path in ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"):
        try:
            with open(path, encoding="ascii") as file:
                rows = dict(line.split() for line in file)
            return int(rows.get("oom_kill", 0))
        except (OSError, ValueError):
            continue
    return 0


def exit_descriptor(pid):
    """A descriptor that becomes readable when a child has ended; the child is not reaped by that."""
    try:
        return os.pidfd_open(pid)
    except OSError:
        # gVisor has no pidfd_open: a thread waits instead.
        import threading

        readable, writable = os.pipe2(os.O_CLOEXEC)

        def wait():
            with contextlib.suppress(ChildProcessError):
                os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
            os.close(writable)

        threading.Thread(target=wait).start()
        return readable


class Streams:
    """A program's standard output and error, read until it has ended or has written more than `limit` bytes."""

    def __init__(self, process, limit):
        self.data = {process.stdout.fileno(): b"", process.stderr.fileno(): b""}
        self.stdout, self.stderr = self.data
        self.bytes_left, self.exceeded = limit, False
        self.selector = selectors.DefaultSelector()
        for number in self.data:
            os.set_blocking(number, False)
            self.selector.register(number, selectors.EVENT_READ)
        self.exit = exit_descriptor(process.pid)
        self.selector.register(self.exit, selectors.EVENT_READ)

    def read_piece(self, number):
        """Read what one stream has now; False when it has nothing more."""
        try:
            piece = os.read(number, PIECE_BYTES)
        except BlockingIOError:
            return False
        if not piece:
            return False
        if number == self.stderr:
            self.data[number] = (self.data[number] + piece)[-MAX_STDERR_BYTES:]
        else:
            self.data[number] += piece
        self.bytes_left -= len(piece)
        self.exceeded = self.bytes_left < 0
        return True

    def read_until_exit(self):
        """Read while the program runs."""
        while not self.exceeded:
            for key, _ in self.selector.select():
                if key.fd == self.exit:
                    return
                if not self.read_piece(key.fd):
                    self.selector.unregister(key.fd)

    def drain(self):
        """Read what was left in the pipes, then release the descriptors."""
        for number in self.data:
            while not self.exceeded and self.read_piece(number):
                pass
        self.selector.close()
        os.close(self.exit)


def text_of(data):
    """Bytes as a string, or as typed bytes where they are not UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        import binascii

        return {"$": "bytes", "v": binascii.b2a_base64(data, newline=False).decode()}


@contextlib.contextmanager
def given_file(content):
    """A file without a name that holds what a program is given."""
    with open("/tmp/.given", "w+b") as file:
        os.unlink("/tmp/.given")
        file.write(content)
        file.seek(0)
        yield file


def environment(folder):
    """The environment of a program that runs in a folder."""
    return {**os.environ, "HOME": folder, "TMPDIR": "/tmp"}


def start(command, folder, stdin):
    """Start a program in a session of its own; its standard input is a file without a name."""
    with given_file(stdin.encode("utf-8", "surrogatepass")) as given:
        return subprocess.Popen(
            command,
            stdin=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=environment(folder),
            start_new_session=True,
        )


def run(command, folder, stdin="", limit=1 << 20):
    """(result, None) with the program's exit status and streams, or (None, the protocol's fields of how it failed)."""
    return run_process(lambda: start(command, folder, stdin), limit, kill_other_processes)


def run_process(launch, limit, end_others):
    """As `run`, for the process that `launch` starts; `end_others` kills what it leaves running."""
    kills_before = oom_kills()
    try:
        process = launch()
    except OSError as error:
        # The kernel takes no argument of over 128 KiB. Anything else is no fault of the case.
        if error.errno != errno.E2BIG:
            raise
        return None, {"k": "crashed", "t": f"not started: {error.strerror}"}
    streams = Streams(process, limit)
    streams.read_until_exit()
    if streams.exceeded:
        process.kill()
    process.wait()
    end_others()
    streams.drain()
    process.stdout.close()
    process.stderr.close()
    if oom_kills() > kills_before:
        return None, {"k": "out_of_memory", "t": "killed for lack of memory"}
    if streams.exceeded:
        return None, {"k": "crashed", "t": "too much output"}
    result = {
        "exit": process.returncode,
        "stdout": text_of(streams.data[streams.stdout]),
        "stderr": text_of(streams.data[streams.stderr]),
    }
    return result, None
