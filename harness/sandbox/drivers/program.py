"""Run the answer as a program in a fresh directory for each case, and report what it left: exit, streams, files.

This driver is process 1 of its container: nothing inside can kill or stop it, and after a case it ends whatever the
program left running.
"""

import contextlib
import os
import selectors
import shutil
import stat
import subprocess
import sys
from hashlib import sha256

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from python_report import Report, put_files, read_job, take_stdout

PIECE = 65536
ERRORS_KEPT = 4096
FILES = 1000
TEXT_BYTES = 65536
NODE_QUIET = "--disable-warning=ExperimentalWarning"


def python(job, argv, importing):
    """Python: run the file, or import it as a module."""
    name = os.path.splitext(job["entry"])[0].replace("/", ".")
    return ["python3", "-c", "import " + name, *argv] if importing else ["python3", job["entry"], *argv]


def node(job, argv, importing):
    """Node: run the file, or require it."""
    flags = ["node", NODE_QUIET]
    load = "require(" + repr("./" + job["entry"]) + ")"
    return [*flags, "-e", load, "--", *argv] if importing else [*flags, job["entry"], *argv]


def bash(job, argv, importing):
    """Bash: run the file, or source it."""
    return ["bash", "-c", ". ./" + job["entry"], "bash", *argv] if importing else ["bash", job["entry"], *argv]


COMMANDS = {"python": python, "javascript": node, "typescript": node, "bash": bash}


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


class Streams:
    """The program's two streams, read until it has ended or said too much."""

    def __init__(self, process, limit):
        self.texts = {process.stdout.fileno(): b"", process.stderr.fileno(): b""}
        self.out, self.err = self.texts
        self.limit, self.left, self.flooded = limit, limit, False
        self.selector = selectors.DefaultSelector()
        for number in self.texts:
            os.set_blocking(number, False)
            self.selector.register(number, selectors.EVENT_READ)
        self.ended = os.pidfd_open(process.pid)
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


def shape_of(data):
    """A file's bytes as they are reported: text, or digest and length."""
    text = text_of(data) if len(data) <= TEXT_BYTES else None
    return text if type(text) is str else {"sha256": sha256(data).hexdigest(), "bytes": len(data)}


def described(path):
    """One path that a program made: its text, its digest, or what it is. Nothing is followed or waited for."""
    kind = os.lstat(path)
    if stat.S_ISLNK(kind.st_mode):
        return {"symlink": os.fsdecode(os.readlink(path)).encode("utf-8", "replace").decode()}
    if not stat.S_ISREG(kind.st_mode):
        return {"special": stat.filemode(kind.st_mode)[0]}
    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK)) as file:
            return shape_of(file.read())
    except OSError:
        return {"unreadable": True}


def files_made(folder, given):
    """Every path below the folder that was not given, or no longer holds what was given."""
    made = {}
    for top, folders, names in os.walk(folder):
        folders.sort()
        links = [name for name in folders if os.path.islink(os.path.join(top, name))]
        for name in sorted(names + links):
            path = os.path.join(top, name)
            shown = os.path.relpath(path, folder).encode("utf-8", "replace").decode()
            seen = described(path)
            if shown not in given or shape_of(given[shown].encode("utf-8", "surrogatepass")) != seen:
                made[shown] = seen
            if len(made) > FILES:
                return None
    return made


def clear(folder):
    """Empty a folder, whatever rights its parts were given."""
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            os.chmod(entry.path, 0o700)
            for top, folders, _ in os.walk(entry.path):
                for name in folders:
                    path = os.path.join(top, name)
                    if not os.path.islink(path):
                        os.chmod(path, 0o700)
            shutil.rmtree(entry.path, ignore_errors=True)
        else:
            os.unlink(entry.path)


def start(job, give, folder):
    """The program, with its input as a file that has no name."""
    command = COMMANDS[job["language"]](job, give.get("argv", []), give.get("mode", "run") == "import")
    with open("/tmp/.stdin", "w+b") as given:
        os.unlink("/tmp/.stdin")
        given.write(give.get("stdin", "").encode("utf-8", "surrogatepass"))
        given.seek(0)
        return subprocess.Popen(
            command,
            stdin=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env={**os.environ, "HOME": folder, "TMPDIR": "/tmp"},
            start_new_session=True,
        )


def observe(job, index, give):
    """How one case ended, as the protocol's fields."""
    folder = os.path.join(os.getcwd(), f"case-{index}")
    given = {**job["files"], **give.get("files", {})}
    os.mkdir(folder)
    put_files(folder, given)
    killed = oom_kills()
    process = start(job, give, folder)
    streams = Streams(process, job["output_bytes"])
    streams.until_exit()
    if streams.flooded:
        process.kill()
    process.wait()
    kill_the_rest()
    streams.rest()
    process.stdout.close()
    process.stderr.close()
    if oom_kills() > killed:
        return {"k": "out_of_memory", "t": "killed for want of memory"}
    if streams.flooded:
        return {"k": "crashed", "t": "too much output"}
    made = files_made(folder, given)
    clear(os.getcwd())
    clear("/tmp")
    if made is None:
        return {"k": "crashed", "t": "too many files"}
    value = {
        "exit": process.returncode,
        "stdout": text_of(streams.texts[streams.out]),
        "stderr": text_of(streams.texts[streams.err]),
        "files": made,
    }
    return {"k": "returned", "v": value}


def main():
    """The whole life of one container."""
    job = read_job()
    report = Report(take_stdout(), job["nonce"])
    report.say("loaded")
    for index, give in job["cases"]:
        report.say("case", i=index, **observe(job, index, give))
    report.say("done")
    os._exit(0)


main()
