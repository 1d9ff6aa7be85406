"""Answers that would harm the machine end within their limits, show nothing for it, and leave nothing behind.

All run in one sandbox, two at a time; after each an honest answer is run as if nothing had been.
"""

import re
import resource
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.sandbox import DockerSandbox, ensure_engine, open_sandbox
from harness.sandbox.leftovers import RUN
from harness.types import Job, Json, Limits, Observation

HARM = Path(__file__).parent / "attacks" / "harm"
LISTED: dict[str, Json] = tomllib.loads((HARM / "harm.toml").read_text(encoding="utf-8"))
LANGUAGES = {".py": "python", ".js": "javascript", ".go": "go", ".sh": "bash"}
TIGHT = Limits(load_s=4.0, case_s=2.0, memory_bytes=128 * 1024 * 1024, disk_bytes=8 * 1024 * 1024)
BUILT = Limits(load_s=20.0, case_s=10.0)
HONEST = Job("python", "calls", "a.py", {"a.py": "def f(): return 1\n"}, (("a", {"call": "f"}),), Limits())
MIB = 1024 * 1024


@dataclass(frozen=True)
class Ended:
    """How one harmful answer ended, in how long, and what an honest one gave right after it."""

    seen: Observation
    seconds: float
    next: Json


def job_of(path: str) -> Job:
    name = Path(path)
    code = (HARM / path).read_text(encoding="utf-8")
    entry = f"answer{name.suffix}"
    limits = BUILT if name.suffix == ".go" else TIGHT
    if LISTED[path].get("driver") == "program":
        return Job(LANGUAGES[name.suffix], "program", entry, {entry: code}, (("harm", {}),), limits)
    return Job(LANGUAGES[name.suffix], "calls", entry, {entry: code}, (("harm", {"call": "harm"}),), limits)


def endure(box: DockerSandbox, path: str) -> Ended:
    began = time.monotonic()
    (seen,) = box.run(job_of(path))
    seconds = time.monotonic() - began
    return Ended(seen, seconds, box.run(HONEST)[0].value)


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


@pytest.fixture(scope="module")
def endured() -> dict[str, Ended]:
    with open_sandbox("harm", print, LANGUAGES.values()) as box, ThreadPoolExecutor(2) as threads:
        return dict(zip(LISTED, threads.map(lambda path: endure(box, path), LISTED), strict=True))


@pytest.mark.parametrize("path", LISTED)
def test_harm_ends_in_time_with_the_right_end_and_the_next_answer_is_not_touched(
    endured: dict[str, Ended], path: str
) -> None:
    ended = endured[path]
    assert ended.seen.ended in LISTED[path]["ends"], (LISTED[path]["what"], ended.seen)
    assert ended.next == 1
    assert ended.seconds < 60


@pytest.mark.parametrize("path", [path for path in LISTED if "value" in LISTED[path]])
def test_what_it_reached_is_nothing_it_should_not(endured: dict[str, Ended], path: str) -> None:
    value = endured[path].seen.value
    if isinstance(value, dict) and isinstance(value.get("files"), dict):
        value["files"] = {re.sub(r"[^ -~\n]", "?", name): what for name, what in value["files"].items()}
    assert value == LISTED[path]["value"]


def test_no_container_and_no_process_of_one_is_left(endured: dict[str, Ended]) -> None:
    assert ensure_engine(print).api.containers(all=True, filters={"label": f"{RUN}=harm"}) == []
    # Other runs may share the engine: what they are just removing is not left behind.
    left = orphans()
    for _ in range(50):
        left &= orphans()
        if not left:
            return
        time.sleep(0.1)
    raise AssertionError(f"processes of these containers are left: {left}")


def test_the_kit_itself_stays_small_whatever_is_thrown_at_it(endured: dict[str, Ended]) -> None:
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 < 600 * MIB


def test_every_harmful_file_is_listed() -> None:
    assert {path.name for path in HARM.iterdir()} - {"harm.toml"} == set(LISTED)
