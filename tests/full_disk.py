"""A run on a disk that is full, for real: `python -m tests.full_disk`, as root on Linux; some seconds.

A tmpfs of 256 KiB fills up while a run records into it, then while the run is scored. Each time one line must say so,
nothing that was kept may be lost, and the run must go on once there is room.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.files import read_lines

SMALL, LARGE = "256k", "32m"
DISK_EXIT = 8
ROOM_FOR_SCORES_BYTES = 64 * 1024
ASKED = ("--task", "speed-small", "--task", "speed-large", "--trials", "3", "--warmups", "0")


@contextmanager
def small_disk() -> Iterator[Path]:
    """A disk of 256 KiB at a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", folder], check=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", folder], check=True)


def resize(disk: Path, size: str) -> None:
    """Give the disk another size."""
    subprocess.run(["mount", "-o", f"remount,size={size}", str(disk)], check=True)


def fill(disk: Path) -> Path:
    """Take what is left."""
    path = disk / "filler"
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            return path
    return path


def lanebench(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """A command of the kit."""
    return subprocess.run(
        [sys.executable, "-m", "harness", *map(str, words)], capture_output=True, text=True, check=False
    )


def told(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The lines on the standard error that tell of the disk."""
    return [line for line in done.stderr.splitlines() if "the disk is full" in line]


class Looked:
    """What was found wrong."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def at(self, holds: bool, what: str) -> None:
        """Print a line; keep what does not hold."""
        print(f"{'ok    ' if holds else 'FAULT '} {what}")
        if not holds:
            self.faults.append(what)

    def stopped(self, done: subprocess.CompletedProcess[str], when: str) -> None:
        """A command that the full disk stopped."""
        lines = told(done)
        self.at(done.returncode == DISK_EXIT, f"{when}: exit code {done.returncode}")
        self.at(len(lines) == 1, f"{when}: {' | '.join(lines) or done.stderr[-300:]}")
        self.at("Traceback" not in done.stderr, f"{when}: no trace of Python is shown")
        self.at("are kept. Continue with" in done.stderr, f"{when}: the command to continue is shown")


def whole_lines(path: Path) -> bytes:
    """A file of lines as far as it is whole."""
    data = path.read_bytes() if path.exists() else b""
    return data[: data.rfind(b"\n") + 1]


def look(disk: Path) -> list[str]:
    """Fill the disk while a run records and while it is scored; what is wrong."""
    looked, results = Looked(), disk / "results"
    looked.stopped(lanebench("record", *ASKED, "--results", results), "while recording")
    (run,) = (path for path in results.iterdir() if path.is_dir())
    kept = whole_lines(run / "recordings.jsonl")
    looked.at(kept == (run / "recordings.jsonl").read_bytes(), "while recording: no half line is left")
    turns = kept.count(b"\n")
    looked.at(turns > 0, f"while recording: {turns} turns were kept")
    looked.stopped(lanebench("record", "--resume", run), "resumed on the full disk")
    resize(disk, LARGE)
    done = lanebench("record", "--resume", run)
    looked.at(done.returncode == 0, f"resumed with room: exit code {done.returncode} {done.stderr[-200:]}")
    looked.at(
        (run / "recordings.jsonl").read_bytes().startswith(kept), "resumed with room: what was kept stands as it was"
    )
    keys = [json.dumps(line["key"]) for _, line in read_lines(run / "recordings.jsonl")]
    filler = fill(disk)
    looked.stopped(lanebench("score", run), "while scoring")
    os.truncate(filler, filler.stat().st_size - ROOM_FOR_SCORES_BYTES)
    done = lanebench("score", run)
    looked.stopped(done, "while the result is written")
    looked.at("result.json" in done.stderr, "while the result is written: the file is named")
    left = sorted(path.name for path in run.iterdir() if path.name.startswith((".result", "result")))
    looked.at(left == [], f"while the result is written: no half file is left {left}")
    filler.unlink()
    done = lanebench("score", run)
    looked.at(done.returncode == 0, f"scored with room: exit code {done.returncode} {done.stderr[-200:]}")
    scores = [json.dumps(line["key"]) for _, line in read_lines(run / "scores.jsonl")]
    looked.at(sorted(scores) == sorted(set(keys)), f"each of {len(set(keys))} trials has one verdict")
    trials = json.loads((run / "result.json").read_text())["trials"]
    looked.at(len(trials) == len(set(keys)), f"the result has {len(trials)} trials")
    return looked.faults


def main() -> int:
    """1 when something is wrong."""
    with small_disk() as disk:
        faults = look(disk)
    print(f"{len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
