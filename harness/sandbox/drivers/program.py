"""Run the answer as a program in a fresh directory for each case, and report what it left: exit, streams, files."""

import os
import shutil
import stat
import sys
from hashlib import sha256

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from python_report import Report, put_files, read_job, take_stdout
from python_run import run, text_of

FILES = 1000
TEXT_BYTES = 65536
NODE_QUIET = "--disable-warning=ExperimentalWarning"


def python(job, argv, importing):
    """Python: run the file, or import it as a module."""
    name = os.path.splitext(job["entry"])[0].replace("/", ".")
    return ["python3", "-c", "import " + name, *argv] if importing else ["python3", job["entry"], *argv]


def node(job, argv, importing):
    """Node: run the file, or require it; types of TypeScript are taken out, not checked."""
    flags = ["node", NODE_QUIET, *(["--experimental-transform-types"] if job["language"] == "typescript" else [])]
    load = "require(" + repr("./" + job["entry"]) + ")"
    return [*flags, "-e", load, "--", *argv] if importing else [*flags, job["entry"], *argv]


def bash(job, argv, importing):
    """Bash: run the file, or source it."""
    return ["bash", "-c", ". ./" + job["entry"], "bash", *argv] if importing else ["bash", job["entry"], *argv]


def sql(job, argv, importing):
    """SQL: the database is a file of the case, named by the first argument; without one it is in memory."""
    return ["sh", "-c", 'exec sqlite3 -bail "${1:-:memory:}" < "$0"', job["entry"], *argv]


def compiled(job, argv, importing):
    """Go and Rust: what was built when the answer was loaded; to import it is to build it."""
    return ["true"] if importing else ["/build/answer", *argv]


def load(job):
    """Build what has to be built; False when it does not compile."""
    if job["language"] not in ("go", "rust"):
        return True
    import python_build

    source = os.path.join(os.getcwd(), "source")
    put_files(source, job["files"])
    files = [job["entry"], *(name for name in job["files"] if name != job["entry"])]
    built = python_build.build(job["language"], source, files) is not None
    clear(os.getcwd())
    return built


COMMANDS = {
    "go": compiled,
    "rust": compiled,
    "python": python,
    "javascript": node,
    "typescript": node,
    "bash": bash,
    "sql": sql,
}


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


def observe(job, index, give):
    """How one case ended, as the protocol's fields."""
    folder = os.path.join(os.getcwd(), f"case-{index}")
    given = {**job["files"], **give.get("files", {})}
    os.mkdir(folder)
    put_files(folder, given)
    command = COMMANDS[job["language"]](job, give.get("argv", []), give.get("mode", "run") == "import")
    ended, broken = run(command, folder, give.get("stdin", ""), job["output_bytes"])
    if broken is not None:
        return broken
    made = files_made(folder, given)
    clear(os.getcwd())
    clear("/tmp")
    if made is None:
        return {"k": "crashed", "t": "too many files"}
    return {"k": "returned", "v": {**ended, "files": made}}


def main():
    """The whole life of one container."""
    job = read_job()
    report = Report(take_stdout(), job["nonce"])
    report.say("taken")
    if not load(job):
        report.say("load_failed", t="CompileError")
        os._exit(0)
    report.say("loaded")
    for index, give in job["cases"]:
        report.say("case", i=index, **observe(job, index, give))
    report.say("done")
    os._exit(0)


main()
