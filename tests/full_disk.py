"""Runs the kit on a disk that is really full: `python -m tests.full_disk`, as root on Linux; takes some seconds.

A tmpfs of 256 KiB fills up while a run records into it, then while the run is scored. Each time one error must say so,
nothing that was stored may be lost, and the run must continue once there is room.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import DiskError
from harness.files import read_lines

SMALL, LARGE = "256k", "32m"
DISK_EXIT_CODE = DiskError.exit_code
ROOM_FOR_SCORES_BYTES = 64 * 1024
TASK_OPTIONS = ("--task", "speed-small", "--task", "speed-large", "--trials", "3", "--warmups", "0")


@contextmanager
def small_disk() -> Iterator[Path]:
    """A file system of 256 KiB, mounted on a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", folder], check=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", folder], check=True)


def resize(disk: Path, size: str) -> None:
    """Change the size of the disk."""
    subprocess.run(["mount", "-o", f"remount,size={size}", str(disk)], check=True)


def fill(disk: Path) -> Path:
    """Fill the disk with one file; returns the file."""
    path = disk / "filler"
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            return path
    return path


def lanebench(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command of the kit."""
    return subprocess.run(
        [sys.executable, "-m", "harness", *map(str, words)], capture_output=True, text=True, check=False
    )


def disk_errors(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The lines of standard error about the full disk."""
    return [line for line in done.stderr.splitlines() if "the disk is full" in line]


class Checks:
    """Prints each check and keeps those that failed."""

    def __init__(self) -> None:
        self.failed: list[str] = []

    def check(self, holds: bool, text: str) -> None:
        """Print one check; keep it where it does not hold."""
        print(f"{'ok    ' if holds else 'FAILED'} {text}")
        if not holds:
            self.failed.append(text)

    def check_stop(self, done: subprocess.CompletedProcess[str], when: str) -> None:
        """Check how a command ended that the full disk stopped."""
        lines = disk_errors(done)
        self.check(done.returncode == DISK_EXIT_CODE, f"{when}: exit code {done.returncode}")
        self.check(len(lines) == 1, f"{when}: {' | '.join(lines) or done.stderr[-300:]}")
        self.check("Traceback" not in done.stderr, f"{when}: no traceback is printed")
        self.check("are kept. Continue with: " in done.stderr, f"{when}: the command that continues is printed")


def complete_lines(path: Path) -> bytes:
    """A file up to the end of its last complete line."""
    data = path.read_bytes() if path.exists() else b""
    return data[: data.rfind(b"\n") + 1]


def check_full_disk(disk: Path) -> list[str]:
    """Fill the disk while a run records and while it is scored; returns the checks that failed."""
    checks, results = Checks(), disk / "results"
    checks.check_stop(lanebench("record", *TASK_OPTIONS, "--results", results), "while recording")
    (run,) = (path for path in results.iterdir() if path.is_dir())
    kept = complete_lines(run / "recordings.jsonl")
    checks.check(kept == (run / "recordings.jsonl").read_bytes(), "while recording: no incomplete line is left")
    turns = kept.count(b"\n")
    checks.check(turns > 0, f"while recording: {turns} turns are stored")
    checks.check_stop(lanebench("record", "--resume", run), "resumed on the full disk")
    resize(disk, LARGE)
    done = lanebench("record", "--resume", run)
    checks.check(done.returncode == 0, f"resumed with room: exit code {done.returncode} {done.stderr[-200:]}")
    checks.check(
        (run / "recordings.jsonl").read_bytes().startswith(kept), "resumed with room: what was stored is unchanged"
    )
    keys = [json.dumps(line["key"]) for _, line in read_lines(run / "recordings.jsonl")]
    filler = fill(disk)
    checks.check_stop(lanebench("score", run), "while scoring")
    os.truncate(filler, filler.stat().st_size - ROOM_FOR_SCORES_BYTES)
    done = lanebench("score", run)
    checks.check_stop(done, "while the result is written")
    checks.check("result.json" in done.stderr, "while the result is written: the file is named")
    left = sorted(path.name for path in run.iterdir() if path.name.startswith((".result", "result")))
    checks.check(left == [], f"while the result is written: no incomplete file is left {left}")
    filler.unlink()
    done = lanebench("score", run)
    checks.check(done.returncode == 0, f"scored with room: exit code {done.returncode} {done.stderr[-200:]}")
    scores = [json.dumps(line["key"]) for _, line in read_lines(run / "scores.jsonl")]
    checks.check(sorted(scores) == sorted(set(keys)), f"each of {len(set(keys))} trials has one score")
    trials = json.loads((run / "result.json").read_text())["trials"]
    checks.check(len(trials) == len(set(keys)), f"the result has {len(trials)} trials")
    return checks.failed


def main() -> int:
    """Run the checks; returns 1 if any failed."""
    with small_disk() as disk:
        failed = check_full_disk(disk)
    print(f"{len(failed)} checks failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
