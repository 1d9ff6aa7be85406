"""Answers that would harm the machine end within their limits, gain nothing by it, and leave nothing behind.

All run in one sandbox, two at a time; after each, an honest answer runs as if nothing had been. What is left is looked
for by the ids of the containers of this run, so that other processes may use the engine and the machine meanwhile.
"""

import os
import re
import resource
import time
import tomllib
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest

from harness.languages import LANGUAGES
from harness.sandbox import DockerSandbox, Engine, ensure_engine
from harness.sandbox.cleanup import RUN_LABEL
from harness.sandbox.docker_sandbox import open_sandbox_on
from harness.sandbox.engine_http import EngineHttp
from harness.types import Job, Json, Limits, Observation
from tests.deep import also_deep, deep_but, selected

pytestmark = pytest.mark.engine


HARM = Path(__file__).parent / "attacks" / "harm"
LISTED: dict[str, Json] = tomllib.loads((HARM / "harm.toml").read_text(encoding="utf-8"))
KEPT = list(LISTED)[::3]
"""A third of the answers; the others are run by the deep session."""
LANGUAGE_OF = {language.extensions[0]: name for name, language in LANGUAGES.items()}
MIB = 1024 * 1024
TIGHT = Limits(load_timeout_s=4.0, case_timeout_s=2.0, memory_bytes=128 * MIB, disk_bytes=8 * MIB)
COMPILED = Limits(load_timeout_s=20.0, case_timeout_s=10.0)
HONEST = Job("python", "calls", "a.py", {"a.py": "def f(): return 1\n"}, (("a", {"call": "f"}),), Limits())
MAX_KIT_GROWTH_BYTES = 400 * MIB
MAX_ENGINE_GROWTH_BYTES = 512 * MIB
"""Far less than what the answers here request; other processes may use the engine meanwhile."""
ENGINE_PROGRAMS = {"dockerd", "containerd", "podman"}
CLEAR_REFS = Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Ended:
    """How one harmful answer ended, in how many seconds, and what an honest one returned right after it."""

    observation: Observation
    seconds: float
    next_value: Json


@dataclass(frozen=True)
class HarmRun:
    """How each answer ended; the ids of all containers; by how many bytes the kit and the engine grew."""

    run_id: str
    ends: dict[str, Ended]
    container_ids: frozenset[str]
    kit_growth_bytes: int
    engine_growth_bytes: int


class RecordingHttp(EngineHttp):
    """The engine's calls; remembers every container that was created."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine.url, engine.api)
        self.created: list[str] = []

    def create(self, body: Json) -> str:
        name = super().create(body)
        self.created.append(name)
        return name


def job_of(path: str) -> Job:
    suffix = Path(path).suffix
    code = (HARM / path).read_text(encoding="utf-8")
    entry = f"answer{suffix}"
    limits = COMPILED if suffix in (".go", ".rs") else TIGHT
    if "timed_out" not in LISTED[path]["ends"]:
        # What must end by another limit than time is given the time for that, however busy this machine is.
        limits = replace(limits, load_timeout_s=30.0, case_timeout_s=30.0)
    if LISTED[path].get("driver") == "program":
        return Job(LANGUAGE_OF[suffix], "program", entry, {entry: code}, (("harm", {}),), limits)
    call: Json = {"call": "rows", "args": [""]} if suffix == ".sql" else {"call": "harm"}
    return Job(LANGUAGE_OF[suffix], "calls", entry, {entry: code}, (("harm", call),), limits)


def run_harm(sandbox: DockerSandbox, path: str) -> Ended:
    began = time.monotonic()
    (observation,) = sandbox.run(job_of(path))
    seconds = time.monotonic() - began
    return Ended(observation, seconds, sandbox.run(HONEST)[0].value)


def reset_peak() -> None:
    """Let the kernel forget the largest size of this process so far: other tests ran in it."""
    if CLEAR_REFS.exists():
        CLEAR_REFS.write_text("5")


def peak_bytes() -> int:
    """The largest size of this process since then; since its start where no kernel forgets."""
    if not CLEAR_REFS.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (peak_kib,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    return int(peak_kib) * 1024


def engine_bytes() -> int:
    """Memory of the engine's own processes; 0 where it runs on another machine."""
    processes = psutil.process_iter(["name", "memory_info"])
    return sum(process.info["memory_info"].rss for process in processes if process.info["name"] in ENGINE_PROGRAMS)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    found = ensure_engine(print)
    yield found
    found.close()


@pytest.fixture(scope="module")
def harm_run(request: pytest.FixtureRequest, engine: Engine) -> HarmRun:
    paths = selected(request, "path")
    run_id, http = f"harm-{uuid.uuid4().hex}", RecordingHttp(engine)
    recorded = replace(engine, http=http)
    with open_sandbox_on(recorded, run_id, print, LANGUAGES):
        pass
    engine_began_bytes = engine_bytes()
    reset_peak()
    began_bytes = psutil.Process().memory_info().rss
    with open_sandbox_on(recorded, run_id, print, LANGUAGES) as sandbox, ThreadPoolExecutor(2) as threads:
        ends = dict(zip(paths, threads.map(lambda path: run_harm(sandbox, path), paths), strict=True))
    kit_growth_bytes = peak_bytes() - began_bytes
    http.close()
    return HarmRun(run_id, ends, frozenset(http.created), kit_growth_bytes, engine_bytes() - engine_began_bytes)


@pytest.mark.parametrize("path", deep_but(KEPT, LISTED))
def test_harm_ends_in_time_with_the_right_end_and_the_next_answer_is_not_affected(harm_run: HarmRun, path: str) -> None:
    ended = harm_run.ends[path]
    assert ended.observation.status in LISTED[path]["ends"], (LISTED[path]["what"], ended.observation)
    assert ended.next_value == 1
    assert ended.seconds < 60


@pytest.mark.parametrize("path", deep_but(KEPT, [path for path in LISTED if "value" in LISTED[path]]))
def test_it_reaches_nothing_that_it_should_not(harm_run: HarmRun, path: str) -> None:
    value = harm_run.ends[path].observation.value
    if isinstance(value, dict) and isinstance(value.get("files"), dict):
        value["files"] = {re.sub(r"[^ -~\n]", "?", name): content for name, content in value["files"].items()}
    assert value == LISTED[path]["value"]


def read_words(path: Path) -> str:
    """A file of /proc, empty where its process has ended meanwhile."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def processes_of(container_ids: frozenset[str]) -> set[str]:
    """The command lines of processes in these containers, and of processes that serve one of them."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        command = read_words(folder / "cmdline")
        named = re.findall(r"[0-9a-f]{64}", read_words(folder / "cgroup") + command)
        if container_ids.intersection(named):
            found.add(f"{folder.name} {command}")
    return found


def folders_of(container_ids: frozenset[str], root: Path) -> set[str]:
    """Folders with the name of one of these containers: control groups, logs, layers that they wrote to."""
    found = set()
    for folder, names, _ in os.walk(root):
        for name in names:
            if container_ids.intersection(re.findall(r"[0-9a-f]{64}", name)):
                found.add(f"{folder}/{name}")
    return found


def leftovers(engine: Engine, run: HarmRun) -> set[str]:
    """Containers, processes, control groups and files that this run left; the last three on this machine alone."""
    containers: list[Json] = engine.api.containers(all=True, filters={"label": f"{RUN_LABEL}={run.run_id}"})
    found = {container["Id"] for container in containers}
    found |= processes_of(run.container_ids) | folders_of(run.container_ids, Path("/sys/fs/cgroup"))
    root = Path(engine.api.info()["DockerRootDir"])
    for folder in (root / "containers", *root.glob("image/*/layerdb/mounts")):
        found |= folders_of(run.container_ids, folder)
    return found


@also_deep
def test_no_container_process_control_group_or_file_of_the_run_is_left(engine: Engine, harm_run: HarmRun) -> None:
    assert len(harm_run.container_ids) > len(harm_run.ends) > 0
    for _ in range(100):
        left = leftovers(engine, harm_run)
        if not left:
            return
        time.sleep(0.2)
    raise AssertionError(f"these are left: {left}")


def test_no_volume_can_be_left_since_no_image_declares_one(engine: Engine, harm_run: HarmRun) -> None:
    with open_sandbox_on(engine, harm_run.run_id, print, LANGUAGES) as sandbox:
        for image in sandbox.images.values():
            assert not engine.api.inspect_image(image)["Config"]["Volumes"]


def test_leftovers_are_found(engine: Engine, harm_run: HarmRun) -> None:
    with open_sandbox_on(engine, harm_run.run_id, print, ["python"]) as sandbox:
        container = sandbox.pool.take(sandbox.container_kind(HONEST))
        try:
            found = leftovers(engine, replace(harm_run, container_ids=frozenset({container.id})))
        finally:
            container.remove()
    assert len(found) > 1


@also_deep
def test_the_engine_and_the_kit_stay_small_whatever_the_answers_do(harm_run: HarmRun) -> None:
    assert harm_run.kit_growth_bytes < MAX_KIT_GROWTH_BYTES
    assert harm_run.engine_growth_bytes < MAX_ENGINE_GROWTH_BYTES


def test_every_harmful_file_is_listed() -> None:
    assert {path.name for path in HARM.iterdir()} - {"harm.toml"} == set(LISTED)
