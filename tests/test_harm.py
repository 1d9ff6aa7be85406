"""Answers that would harm the machine end within their limits, show nothing for it, and leave nothing behind.

All run in one sandbox, two at a time; after each an honest answer is run as if nothing had been.
"""

import os
import re
import resource
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from harness.sandbox import DockerSandbox, ensure_engine, open_sandbox
from harness.sandbox.cleanup import RUN_LABEL
from harness.types import Job, Json, Limits, Observation

HARM = Path(__file__).parent / "attacks" / "harm"
LISTED: dict[str, Json] = tomllib.loads((HARM / "harm.toml").read_text(encoding="utf-8"))
LANGUAGES = {
    ".py": "python", ".js": "javascript", ".ts": "typescript", ".go": "go", ".rs": "rust", ".sh": "bash", ".sql": "sql",
}  # fmt: skip
TIGHT = Limits(load_timeout_s=4.0, case_timeout_s=2.0, memory_bytes=128 * 1024 * 1024, disk_bytes=8 * 1024 * 1024)
BUILT = Limits(load_timeout_s=20.0, case_timeout_s=10.0)
HONEST = Job("python", "calls", "a.py", {"a.py": "def f(): return 1\n"}, (("a", {"call": "f"}),), Limits())
MIB = 1024 * 1024
# What other programs of this machine may come to use meanwhile: far less than what the answers here ask for.
ROOM_MEMORY_BYTES, ROOM_DISK_BYTES, ROOM_PROCESSES = 512 * MIB, 64 * MIB, 40
GROWN_BYTES = 400 * MIB
CLEAR = Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class EndReason:
    """How one harmful answer ended, in how long, and what an honest one gave right after it."""

    seen: Observation
    seconds: float
    next: Json


def job_of(path: str) -> Job:
    name = Path(path)
    code = (HARM / path).read_text(encoding="utf-8")
    entry = f"answer{name.suffix}"
    limits = BUILT if name.suffix in (".go", ".rs") else TIGHT
    if LISTED[path].get("driver") == "program":
        return Job(LANGUAGES[name.suffix], "program", entry, {entry: code}, (("harm", {}),), limits)
    give: Json = {"call": "rows", "args": [""]} if name.suffix == ".sql" else {"call": "harm"}
    return Job(LANGUAGES[name.suffix], "calls", entry, {entry: code}, (("harm", give),), limits)


def endure(box: DockerSandbox, path: str) -> EndReason:
    began = time.monotonic()
    (seen,) = box.run(job_of(path))
    seconds = time.monotonic() - began
    return EndReason(seen, seconds, box.run(HONEST)[0].value)


def orphans() -> set[str]:
    """Containers that have processes on this machine but that the engine does not know; none where it is elsewhere."""
    held = set()
    for path in Path("/proc").glob("[0-9]*/cgroup"):
        try:
            held |= set(re.findall(r"docker[/-]([0-9a-f]{64})", path.read_text(encoding="ascii")))
        except OSError:
            continue
    known = {container["Id"] for container in ensure_engine(print).api.containers(all=True)}
    return held - known


@dataclass(frozen=True)
class Taken:
    """What this machine has in use: bytes of memory, bytes that the engine keeps and those of shared memory, processes
    that run."""

    memory_bytes: int
    disk_bytes: int
    processes: int


@dataclass(frozen=True)
class Around:
    """How each ended; what was there before the first: what the machine had in use, and containers that its engine does
    not know; by how many bytes this process grew on the way."""

    ends: dict[str, EndReason]
    before: Taken
    orphans: set[str]
    grown_bytes: int


def kept_bytes() -> int:
    """What the engine keeps: layers, what containers wrote, volumes, logs. The disk itself is others' as well."""
    api = ensure_engine(print).api
    told, folder = api.df(), Path(api.info()["DockerRootDir"]) / "containers"
    wrote = sum(one.get("SizeRw") or 0 for one in told["Containers"] or [])
    volumes = sum(one["UsageData"]["Size"] for one in told["Volumes"] or [])
    logs = sum(path.stat().st_size for path in folder.rglob("*.log")) if os.access(folder, os.X_OK) else 0
    return int(told["LayersSize"] + wrote + volumes + logs)


def taken() -> Taken:
    running = [one for one in psutil.process_iter(["status"]) if one.info["status"] != psutil.STATUS_ZOMBIE]
    memory = psutil.virtual_memory()
    shared_bytes = psutil.disk_usage("/dev/shm").used if os.path.isdir("/dev/shm") else 0
    return Taken(memory.total - memory.available, kept_bytes() + shared_bytes, len(running))


def forget_peak() -> None:
    """Let the kernel forget how much this process held before: other tests ran in it."""
    if CLEAR.exists():
        CLEAR.write_text("5")


def peak_bytes() -> int:
    """The most that this process held since then; since its start where no kernel forgets."""
    if not CLEAR.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (peak_kib,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    return int(peak_kib) * 1024


@pytest.fixture(scope="module")
def around() -> Around:
    with open_sandbox("harm", print, LANGUAGES.values()):
        pass
    before, others = taken(), orphans()
    forget_peak()
    began_bytes = psutil.Process().memory_info().rss
    with open_sandbox("harm", print, LANGUAGES.values()) as box, ThreadPoolExecutor(2) as threads:
        ends = dict(zip(LISTED, threads.map(lambda path: endure(box, path), LISTED), strict=True))
    return Around(ends, before, others, peak_bytes() - began_bytes)


@pytest.fixture(scope="module")
def endured(around: Around) -> dict[str, EndReason]:
    return around.ends


@pytest.mark.parametrize("path", LISTED)
def test_harm_ends_in_time_with_the_right_end_and_the_next_answer_is_not_touched(
    endured: dict[str, EndReason], path: str
) -> None:
    ended = endured[path]
    assert ended.seen.ended in LISTED[path]["ends"], (LISTED[path]["what"], ended.seen)
    assert ended.next == 1
    assert ended.seconds < 60


@pytest.mark.parametrize("path", [path for path in LISTED if "value" in LISTED[path]])
def test_what_it_reached_is_nothing_it_should_not(endured: dict[str, EndReason], path: str) -> None:
    value = endured[path].seen.value
    if isinstance(value, dict) and isinstance(value.get("files"), dict):
        value["files"] = {re.sub(r"[^ -~\n]", "?", name): what for name, what in value["files"].items()}
    assert value == LISTED[path]["value"]


def test_no_container_and_no_process_of_one_is_left(around: Around) -> None:
    assert ensure_engine(print).api.containers(all=True, filters={"label": f"{RUN_LABEL}=harm"}) == []
    # Other runs may share the engine: what they are just removing is not left behind.
    left = orphans() - around.orphans
    for _ in range(50):
        left &= orphans()
        if not left:
            return
        time.sleep(0.1)
    raise AssertionError(f"processes of these containers are left: {left}")


def test_memory_disk_and_processes_of_this_machine_are_back_where_they_were(around: Around) -> None:
    before = around.before
    for _ in range(100):
        after = taken()
        more = (
            max(0, after.memory_bytes - before.memory_bytes - ROOM_MEMORY_BYTES),
            max(0, after.disk_bytes - before.disk_bytes - ROOM_DISK_BYTES),
            max(0, after.processes - before.processes - ROOM_PROCESSES),
        )
        if not any(more):
            return
        time.sleep(0.2)
    raise AssertionError(f"more memory, disk and processes than before, in bytes and in number: {more}")


def test_the_kit_itself_stays_small_whatever_is_thrown_at_it(around: Around) -> None:
    assert around.grown_bytes < GROWN_BYTES


def test_every_harmful_file_is_listed() -> None:
    assert {path.name for path in HARM.iterdir()} - {"harm.toml"} == set(LISTED)
