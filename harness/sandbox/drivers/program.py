"""Run the answer as a program in a fresh directory for each case, and report its exit status, streams and files.

The job holds the command lines of the answer's language: `run` begins those that run it, `load` those that import it.
"""

import os
import shutil
import stat
import sys
from hashlib import sha256

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from python_report import Report, claim_stdout, read_job, write_files
from python_run import run, text_of

MAX_FILES = 1000
MAX_TEXT_BYTES = 65536


def content_of(data):
    """A file's bytes as they are reported: a string, or digest and length."""
    text = text_of(data) if len(data) <= MAX_TEXT_BYTES else None
    return text if type(text) is str else {"sha256": sha256(data).hexdigest(), "bytes": len(data)}


def described(path):
    """A path that a program made: its text, its digest, or its type. No link is followed, no pipe or device is read."""
    kind = os.lstat(path)
    if stat.S_ISLNK(kind.st_mode):
        return {"symlink": os.fsdecode(os.readlink(path)).encode("utf-8", "replace").decode()}
    if not stat.S_ISREG(kind.st_mode):
        return {"special": stat.filemode(kind.st_mode)[0]}
    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK)) as file:
            return content_of(file.read())
    except OSError:
        return {"unreadable": True}


def changed_files(folder, given):
    """Every path below the folder that was not given or was changed; None where there are too many."""
    changed = {}
    for top, folders, names in os.walk(folder):
        folders.sort()
        links = [name for name in folders if os.path.islink(os.path.join(top, name))]
        for name in sorted(names + links):
            path = os.path.join(top, name)
            shown = os.path.relpath(path, folder).encode("utf-8", "replace").decode()
            content = described(path)
            if shown not in given or content_of(given[shown].encode("utf-8", "surrogatepass")) != content:
                changed[shown] = content
            if len(changed) > MAX_FILES:
                return None
    return changed


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


def observe(job, index, give):
    """How one case ended, as the protocol's fields."""
    folder = os.path.join(os.getcwd(), f"case-{index}")
    given = {**job["files"], **give.get("files", {})}
    os.mkdir(folder)
    write_files(folder, given)
    command = job["load"] if give.get("mode", "run") == "import" else job["run"]
    argv = give.get("argv", [])
    result, failure = run([*command, *argv], folder, give.get("stdin", ""), job["output_bytes"])
    if failure is not None:
        return failure
    changed = changed_files(folder, given)
    clear(os.getcwd())
    clear("/tmp")
    if changed is None:
        return {"k": "crashed", "t": "too many files"}
    return {"k": "returned", "v": {**result, "files": changed}}


def serve(job, report):
    """Run every case of a job and report how it ended; the container ends with it."""
    report.send("loaded")
    for index, give in job["cases"]:
        report.send("case", i=index, **observe(job, index, give))
    report.send("done")
    os._exit(0)


def main():
    """Serve one job: the whole life of a container."""
    job = read_job()
    report = Report(claim_stdout(), job["nonce"])
    report.send("taken")
    serve(job, report)


if __name__ == "__main__":
    main()
