"""Run a program to its end inside the container: its streams with a limit, and an end to whatever it leaves running.

The driver is process 1 of its container, so nothing inside can kill or stop it.
"""

import contextlib
import os
import selectors
import subprocess

PIECE = 65536
ERRORS_KEPT = 4096


def kill_the_rest():
    """End every other process of the container and reap it."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, 9)
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def oom_kills():
    """How many processes the kernel has killed here for want of memory; 0 where that is not shown."""
    for path in ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"):
        try:
            with open(path, encoding="ascii") as file:
                rows = dict(line.split() for line in file)
            return int(rows.get("oom_kill", 0))
        except (OSError, ValueError):
            continue
    return 0


def end_of(number):
    """A descriptor that has something to read once a child has ended, which is not reaped by that."""
    try:
        return os.pidfd_open(number)
    except OSError:
        # gVisor has no such descriptor: a thread waits instead.
        import threading

        ended, ends = os.pipe2(os.O_CLOEXEC)

        def wait():
            with contextlib.suppress(ChildProcessError):
                os.waitid(os.P_PID, number, os.WEXITED | os.WNOWAIT)
            os.close(ends)

        threading.Thread(target=wait).start()
        return ended


class Streams:
    """The program's two streams, read until it has ended or said too much."""

    def __init__(self, process, limit):
        self.texts = {process.stdout.fileno(): b"", process.stderr.fileno(): b""}
        self.out, self.err = self.texts
        self.left, self.flooded = limit, False
        self.selector = selectors.DefaultSelector()
        for number in self.texts:
            os.set_blocking(number, False)
            self.selector.register(number, selectors.EVENT_READ)
        self.ended = end_of(process.pid)
        self.selector.register(self.ended, selectors.EVENT_READ)

    def take(self, number):
        """What one stream holds now; False when it has nothing more."""
        try:
            piece = os.read(number, PIECE)
        except BlockingIOError:
            return False
        if not piece:
            return False
        if number == self.err:
            self.texts[number] = (self.texts[number] + piece)[-ERRORS_KEPT:]
        else:
            self.texts[number] += piece
        self.left -= len(piece)
        self.flooded = self.left < 0
        return True

    def until_exit(self):
        """Read while the program runs."""
        while not self.flooded:
            for key, _ in self.selector.select():
                if key.fd == self.ended:
                    return
                if not self.take(key.fd):
                    self.selector.unregister(key.fd)

    def rest(self):
        """Read what was left in the pipes, then let go of them."""
        for number in self.texts:
            while not self.flooded and self.take(number):
                pass
        self.selector.close()
        os.close(self.ended)


def text_of(data):
    """Text, or typed bytes where the stream is no UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        import binascii

        return {"$": "bytes", "v": binascii.b2a_base64(data, newline=False).decode()}


def run(command, folder, stdin="", limit=1 << 20):
    """A program's exit status and streams as a dict; or how it was broken off, as the protocol's fields.

    Its input is a file without a name; it has a session of its own.
    """
    killed = oom_kills()
    with open("/tmp/.stdin", "w+b") as given:
        os.unlink("/tmp/.stdin")
        given.write(stdin.encode("utf-8", "surrogatepass"))
        given.seek(0)
        process = subprocess.Popen(
            command,
            stdin=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env={**os.environ, "HOME": folder, "TMPDIR": "/tmp"},
            start_new_session=True,
        )
    streams = Streams(process, limit)
    streams.until_exit()
    if streams.flooded:
        process.kill()
    process.wait()
    kill_the_rest()
    streams.rest()
    process.stdout.close()
    process.stderr.close()
    if oom_kills() > killed:
        return None, {"k": "out_of_memory", "t": "killed for want of memory"}
    if streams.flooded:
        return None, {"k": "crashed", "t": "too much output"}
    ended = {
        "exit": process.returncode,
        "stdout": text_of(streams.texts[streams.out]),
        "stderr": text_of(streams.texts[streams.err]),
    }
    return ended, None
