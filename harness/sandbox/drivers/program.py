"""Run the answer as a program in a fresh folder for each case, and report its exit status, streams and files.

The job holds the command lines of the answer's language: `run` begins those that run it, `load` those that import it.

Whatever a program can write to is emptied after it, every other process is killed, and a program that changed the
limits of this process ends the container, so that the next case gets another one. What the kernel counts is left: the
number of the next process, and connections within the container that were closed less than a minute ago. By these a
case can tell a later one something. It gains inputs by it, and the cases are shuffled; no expected value is here.
"""

import os
import resource
import shutil
import stat
import sys
from contextlib import suppress
from hashlib import sha256

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from python_report import Report, claim_stdout, read_job, write_files
from python_run import ignore_interrupts, kill_other_processes, run_process, start, text_of

COMMANDS = {"run": "run", "import": "load", "types": "check_types"}
MAX_FILES = 1000
MAX_TEXT_BYTES = 65536
SHARED_FOLDERS = ("/tmp", "/dev/shm", "/dev/mqueue")
"""The folders that a program can write to, beside its own and /build (tests/test_sandbox_program.py looks for more)."""
IPC_LISTS = ("/proc/sysvipc/shm", "/proc/sysvipc/sem", "/proc/sysvipc/msg")
LIMITS = range(16)
"""The numbers of Linux's resource limits (getrlimit(2))."""


# --- what a program made of its folder ----------------------------------------------------------------------------


def content_of(data):
    """A file's bytes as they are reported: a string, or digest and length."""
    text = text_of(data) if len(data) <= MAX_TEXT_BYTES else None
    return text if type(text) is str else {"sha256": sha256(data).hexdigest(), "bytes": len(data)}


def name_of(path):
    """A path as a string that JSON can hold."""
    return os.fsencode(path).decode("utf-8", "replace")


def describe(path):
    """(content, mode) of a path: its text, its digest, or its type. No link is followed, no pipe or device is read."""
    status = os.lstat(path)
    mode = f"{stat.S_IMODE(status.st_mode):o}"
    if stat.S_ISLNK(status.st_mode):
        return {"symlink": name_of(os.readlink(path))}, None
    if stat.S_ISDIR(status.st_mode):
        return {"folder": True}, mode
    if not stat.S_ISREG(status.st_mode):
        return {"special": stat.filemode(status.st_mode)[0]}, mode
    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK)) as file:
            return content_of(file.read()), mode
    except OSError:
        return {"unreadable": True}, mode


def snapshot(folder):
    """Every path below a folder with its content and mode, and the folder itself as "."; None where there are too many.

    A folder that cannot be read is described, and what is in it is not. One that was removed has no path, and one that
    is something else by now has only itself.
    """
    if not os.path.lexists(folder):
        return {}
    found = {".": describe(folder)}
    if os.path.islink(folder):
        return found
    for top, folders, names in os.walk(folder):
        for name in sorted(folders + names):
            path = os.path.join(top, name)
            found[name_of(os.path.relpath(path, folder))] = describe(path)
            if len(found) > MAX_FILES:
                return None
    return found


def changes(before, after):
    """(files, modes): what was made, changed or deleted between two snapshots, and the modes of what is there."""
    files, modes = {}, {}
    for path in after:
        content, mode = after[path]
        old_content, old_mode = before.get(path, (None, None))
        if content != old_content:
            files[path] = content
        if mode is not None and (content, mode) != (old_content, old_mode):
            modes[path] = mode
    files.update((path, {"deleted": True}) for path in before if path not in after)
    return files, modes


# --- a fresh start for each case --------------------------------------------------------------------------------------


def clear(folder):
    """Empty a folder, whatever permissions its content was given."""
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


def own_state():
    """What a program inherits from this process and can change for those after it, as any process of the same user."""
    limits = [resource.getrlimit(limit) for limit in LIMITS]
    return os.getpriority(os.PRIO_PROCESS, 0), sorted(os.sched_getaffinity(0)), limits


def has_left_ipc():
    """Whether a program left shared memory, semaphores or messages of System V, which outlive every process."""
    for path in IPC_LISTS:
        with suppress(OSError), open(path, encoding="ascii") as file:
            if len(file.readlines()) > 1:
                return True
    return False


class Cases:
    """What every case of a job starts with, so that it can be restored after each."""

    def __init__(self):
        os.umask(0o022)
        ignore_interrupts()
        folders = [folder for folder in (os.getcwd(), *SHARED_FOLDERS) if os.path.isdir(folder)]
        self.modes = {folder: stat.S_IMODE(os.stat(folder).st_mode) for folder in folders}
        self.state = own_state()

    def restore_modes(self):
        """Give the folders their permissions again."""
        for folder, mode in self.modes.items():
            with suppress(OSError):
                os.chmod(folder, mode)

    def restore(self):
        """Leave nothing of the case that ran. Where this is impossible, the container ends and the case has crashed."""
        for folder in self.modes:
            clear(folder)
            with suppress(OSError):
                os.utime(folder)
        if own_state() != self.state or has_left_ipc():
            os._exit(1)


def set_up(folder, job, give):
    """Make the folder of a case with what the job and the case give."""
    os.mkdir(folder)
    for name in give.get("folders", ()):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
    write_files(folder, {**job["files"], **give.get("files", {})})
    for name, target in give.get("links", {}).items():
        os.symlink(target, os.path.join(folder, name))
    for name, mode in give.get("modes", {}).items():
        os.chmod(os.path.join(folder, name), int(mode, 8))


class Runs:
    """How the process of each case is started and ended; `prepare` is called before each case."""

    def __init__(self, prepare=lambda: None):
        self.prepare = prepare

    def start(self, job, give, folder):
        """Start the process of a case."""
        command = job[COMMANDS[give.get("mode", "run")]]
        return start([*command, *give.get("argv", [])], folder, give.get("stdin", ""))

    def end_others(self):
        """End every process that a case has left."""
        kill_other_processes()


def observe(job, give, cases, runs):
    """How one case ended, as the protocol's fields."""
    # The name tells a program nothing: neither the number of its case nor whether another one ran before.
    folder = os.path.join(os.getcwd(), os.urandom(8).hex())
    set_up(folder, job, give)
    before = snapshot(folder)
    result, failure = run_process(lambda: runs.start(job, give, folder), job["output_bytes"], runs.end_others)
    cases.restore_modes()
    after = None if failure else snapshot(folder)
    cases.restore()
    if failure is not None:
        return failure
    if before is None or after is None:
        return {"k": "crashed", "t": "too many files"}
    files, modes = changes(before, after)
    return {"k": "returned", "v": {**result, "files": files, "modes": modes}}


def serve(job, report, runs):
    """Run every case of a job and report how it ended; the container ends with it."""
    cases = Cases()
    report.send("loaded")
    for index, give in job["cases"]:
        runs.prepare()
        report.send("case", i=index, **observe(job, give, cases, runs))
    report.send("done")
    os._exit(0)


def main():
    """Serve one job: the whole life of a container."""
    job = read_job()
    report = Report(claim_stdout(), job["nonce"])
    report.send("taken")
    serve(job, report, Runs())


if __name__ == "__main__":
    main()
