"""A fake Mac with 96 GB for tests: executables and servers that behave as documented, and a ledger of its memory.

Every server is a process. Loading takes a moment, memory is free a moment after an unload, and a load that does not
fit into memory is refused and logged: loading two large models at a time is noticed.
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.types import Json
from tests.fake_server import FakeBehavior, Route, serve_fake

GB = 10**9
MEMORY, OTHERS = 96 * GB, 12 * GB
MOMENT_S = 0.4
PAGE = 16384

STATIC: Mapping[str, str] = {
    "sw_vers -productVersion": "26.1",
    "sysctl -n machdep.cpu.brand_string": "Apple M3 Ultra",
    "sysctl -n hw.logicalcpu": "28",
    "sysctl -n hw.memsize": str(MEMORY),
    "sysctl -n vm.swapusage": "total = 1024.00M  used = 0.00M  free = 1024.00M  (encrypted)",
    "sysctl -n iogpu.wired_limit_mb": "86016",
    "pmset -g batt": "Now drawing from 'AC Power'",
    "pmset -g therm": "Note: No thermal warning level has been recorded",
    "pmset -g": "System-wide power settings:\nCurrently in use:\n powermode            0\n lowpowermode         0",
    "system_profiler SPDisplaysDataType -json": '{"SPDisplaysDataType": [{"sppci_model": "Apple M3 Ultra",'
    ' "sppci_cores": "60", "spdisplays_ndrvs": [{"spdisplays_display-serial-number": "SERIAL-OF-A-DISPLAY"}]}]}',
}
"""What its commands print, in the formats of test_host."""

ANSWER = """#!/bin/sh
# Looks up what this command prints; what is not there fails, as on a Mac without it.
file="{here}/says/$(basename "$0") $*"
[ -f "$file" ] && exec cat "$file"
exit 1
"""
VM_STAT = """#!/bin/sh
used=$(cat "{here}"/memory/* 2>/dev/null | awk '{{s+=$1}} END {{printf "%d", (s+{others})/{page}}}')
cat <<END
Mach Virtual Memory Statistics: (page size of {page} bytes)
Pages free:                               12345.
Pages wired down:                        $used.
Pages purgeable:                              0.
Anonymous pages:                              0.
Pages occupied by compressor:                 0.
END
"""
IOREG = """#!/bin/sh
used=$(cat "{here}"/memory/* 2>/dev/null | awk '{{s+=$1}} END {{printf "%.0f", s}}')
echo '"PerformanceStatistics" = {{"Device Utilization %"=3,"In use system memory"='$used'}}'
"""
SERVICE = """#!/bin/sh
# {name}: the verbs that start, stop and check one server, as documented.
export PYTHONPATH="{root}"
here="{here}"
note() {{ [ -f "$LANEBENCH_STATE" ] && kept="state kept" || kept="no state"; echo "$1 $kept" >> "$here/log"; }}
begin() {{ nohup "{python}" -m tests.studio "$1" "$here" > "$here/$1.out" 2>&1 & echo $! > "$here/$1.pid"; }}
there() {{ [ -f "$here/$1.pid" ]; }}
# Like launchctl it returns before the process has ended. A server that is not up yet could not report its end.
end() {{ while [ ! -f "$here/$1.up" ]; do sleep 0.05; done; rm "$here/$1.up"; kill "$(cat "$here/$1.pid")"; }}
case "{name} $1" in
  "launchctl bootstrap") note "bootstrap ds4"; there ds4 && exit 5; begin ds4;;
  "launchctl bootout") note "bootout ds4"; end ds4;;
  "launchctl print") there ds4 || exit 113;;
  "lms server") note "lms server $2"; case "$2" in start) begin lm-studio;; stop) end lm-studio;; esac;;
esac
"""


@dataclass(frozen=True)
class Memory:
    """The ledger: one file for each model in memory, and a log of each load with the memory in use at that time."""

    here: Path

    def loaded(self) -> dict[str, int]:
        """Bytes of each model in memory."""
        found = {}
        for path in (self.here / "memory").iterdir():
            try:
                found[path.name] = int(path.read_text() or 0)
            except FileNotFoundError:
                continue
        return found

    def note(self, line: str) -> None:
        """Append a line to the log."""
        with (self.here / "log").open("a") as log:
            log.write(line + "\n")

    def take(self, name: str, size: int) -> bool:
        """Load a model; returns whether it fits."""
        used = sum(self.loaded().values())
        fits = OTHERS + used + size <= MEMORY
        self.note(f"{'load' if fits else 'NO ROOM FOR'} {name} beside {used // GB} GB")
        if fits:
            time.sleep(MOMENT_S)
            (self.here / "memory" / name).write_text(str(size))
        return fits

    def give(self, name: str) -> None:
        """Unload a model; its memory is free a moment later."""
        self.note(f"unload {name}")
        time.sleep(MOMENT_S)
        (self.here / "memory" / name).unlink(missing_ok=True)


class Shelf:
    """The models of a server with a load API, and which of them are loaded."""

    def __init__(self, memory: Memory, sizes: Mapping[str, int]) -> None:
        self.memory, self.sizes = memory, sizes
        self.loaded: dict[str, int] = {}

    def load(self, name: str, context: int) -> tuple[int, Json]:
        """Load a model and answer when it is loaded."""
        if name not in self.sizes:
            return 404, {"error": {"message": f"no model {name}"}}
        if name not in self.loaded:
            if not self.memory.take(name, self.sizes[name]):
                return 507, {"error": {"message": f"not enough memory for {name}"}}
            self.loaded[name] = context
        return 200, {"status": "loaded", "instance_id": name}

    def unload(self, name: str) -> tuple[int, Json]:
        """Answer at once, and unload then."""
        if self.loaded.pop(name, None) is None:
            return 404, {"error": {"message": f"{name} is not loaded"}}
        # Not a daemon thread, unlike those of the HTTP server: a server that is terminated must still free its memory.
        threading.Thread(target=self.memory.give, args=(name,), daemon=False).start()
        return 200, {"status": "unloaded"}

    def listed(self) -> tuple[int, Json]:
        """As /v1/models of every kind."""
        return 200, {"object": "list", "data": [{"id": name, "object": "model"} for name in self.sizes]}


def _omlx(shelf: Shelf) -> dict[str, Route]:
    def row(name: str) -> Json:
        loaded = name in shelf.loaded
        return {"id": name, "loaded": loaded, "estimated_size": shelf.sizes[name], "max_context_window": 32768}

    calls: dict[str, Route] = {}
    for name in shelf.sizes:
        calls[f"POST /v1/models/{name}/load"] = lambda _, name=name: shelf.load(name, 32768)  # type: ignore[misc]
        calls[f"POST /v1/models/{name}/unload"] = lambda _, name=name: shelf.unload(name)  # type: ignore[misc]
    return {
        **calls,
        "GET /health": lambda _: (200, {"status": "healthy", "engine_pool": {"loaded_count": len(shelf.loaded)}}),
        "GET /api/status": lambda _: (200, {"version": "0.6.2"}),
        "GET /v1/models/status": lambda _: (200, {"models": [row(name) for name in shelf.sizes]}),
    }


def _lm_studio(shelf: Shelf) -> dict[str, Route]:
    def row(name: str) -> Json:
        instances = [{"id": name, "config": {"context_length": shelf.loaded[name]}}] if name in shelf.loaded else []
        return {
            "key": name,
            "size_bytes": shelf.sizes[name],
            "max_context_length": 262_144,
            "loaded_instances": instances,
        }

    return {
        "GET /api/v1/models": lambda _: (200, {"models": [row(name) for name in shelf.sizes]}),
        "POST /api/v1/models/load": lambda body: shelf.load(body["model"], body.get("context_length", 4096)),
        "POST /api/v1/models/unload": lambda body: shelf.unload(body["instance_id"]),
    }


def _ollama(shelf: Shelf) -> dict[str, Route]:
    def generate(body: Json) -> tuple[int, Json]:
        return shelf.unload(body["model"]) if body.get("keep_alive") == 0 else shelf.load(body["model"], 32768)

    return {
        "GET /api/version": lambda _: (200, {"version": "0.12.3"}),
        "GET /api/tags": lambda _: (200, {"models": [{"model": name, "size": n} for name, n in shelf.sizes.items()]}),
        "GET /api/ps": lambda _: (
            200,
            {"models": [{"model": name, "context_length": n} for name, n in shelf.loaded.items()]},
        ),
        "POST /api/generate": generate,
        "POST /api/show": lambda body: (200, {"model_info": {"gptoss.context_length": 131_072, "of": body["model"]}}),
    }


def _ds4(shelf: Shelf) -> dict[str, Route]:
    name = next(iter(shelf.sizes))
    shelf.load(name, 100_000)
    row = {"id": name, "context_length": 100_000, "top_provider": {"context_length": 100_000}}
    return {"GET /v1/models": lambda _: (200, {"data": [row]})}


SERVERS = {
    "ds4": (_ds4, {"deepseek-v4-flash": 81 * GB}, FakeBehavior(early_role=False)),
    "omlx": (_omlx, {"helper-4b": 3 * GB, "glm-80b": 60 * GB}, FakeBehavior(early_role=True)),
    "lm-studio": (_lm_studio, {"qwen3-coder-next": 50 * GB}, FakeBehavior(tells_cached=False)),
    "ollama": (_ollama, {"gpt-oss:120b": 65 * GB}, FakeBehavior(tells_cached=False, reasoning_key="reasoning")),
}
"""What each server can load, and how it replies."""


@dataclass(frozen=True)
class Studio:
    """The fake Mac: the folder of its files, and the port of each server."""

    here: Path
    ports: Mapping[str, int]

    @property
    def memory(self) -> Memory:
        """The ledger of its memory."""
        return Memory(self.here)

    @property
    def log(self) -> list[str]:
        """What happened, in order."""
        path = self.here / "log"
        return path.read_text().splitlines() if path.exists() else []

    def env(self) -> dict[str, str]:
        """The environment for Lanebench: fake executables come first in PATH, and Python reports that this is a Mac."""
        root = Path(__file__).parent.parent
        return {
            **os.environ,
            "PATH": f"{self.here / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": f"{self.here / 'site'}{os.pathsep}{root}",
            "LANEBENCH_STATE": str(self.here / "lifecycle.json"),
            "STUDIO_KEY": "key-that-nobody-may-write",
        }

    def begin(self, name: str) -> None:
        """Start a server as a user would have: it is not a child of the test."""
        program = shlex.join([sys.executable, "-m", "tests.studio", name, str(self.here)])
        out, pid = (shlex.quote(str(self.here / f"{name}.{end}")) for end in ("out", "pid"))
        script = f"nohup {program} > {out} 2>&1 & echo $! > {pid}"
        subprocess.run(["sh", "-c", script], check=True, cwd=Path(__file__).parent.parent)

    def runs(self, name: str) -> bool:
        """Whether a server runs: its last act is to remove its PID file."""
        return (self.here / f"{name}.pid").exists()

    def close(self) -> None:
        """Kill every server that still runs."""
        for name in self.ports:
            if self.runs(name):
                os.kill(int((self.here / f"{name}.pid").read_text()), signal.SIGKILL)


def make_studio(here: Path, ports: Mapping[str, int]) -> Studio:
    """Write the executables and the ledger."""
    for folder in ("bin", "says", "memory", "site"):
        (here / folder).mkdir(parents=True)
    for command, text in STATIC.items():
        (here / "says" / command).write_text(text + "\n")
    for name, port in ports.items():
        (here / f"{name}.port").write_text(str(port))
    root = Path(__file__).parent.parent
    values = {"here": here, "others": OTHERS, "page": PAGE, "python": sys.executable, "root": root}
    texts = dict.fromkeys(("sw_vers", "sysctl", "pmset", "system_profiler", "lsof", "footprint"), ANSWER)
    texts |= {"vm_stat": VM_STAT, "ioreg": IOREG, "launchctl": SERVICE, "lms": SERVICE}
    for name, text in texts.items():
        path = here / "bin" / name
        path.write_text(text.format(name=name, **values))
        path.chmod(0o755)
    (here / "site" / "sitecustomize.py").write_text("import platform\nplatform.system = lambda: 'Darwin'\n")
    return Studio(here, ports)


def main() -> None:
    """Run one server until SIGTERM; it unloads its models before it ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=SERVERS)
    parser.add_argument("here", type=Path)
    args = parser.parse_args()
    build, sizes, behavior = SERVERS[args.name]
    memory = Memory(args.here)
    shelf = Shelf(memory, sizes)
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    (args.here / f"{args.name}.up").touch()
    routes = {"GET /v1/models": lambda _: shelf.listed(), **build(shelf)}
    with serve_fake(behavior, routes, int((args.here / f"{args.name}.port").read_text())):
        ended.wait()
    for name in list(shelf.loaded):
        memory.give(name)
    (args.here / f"{args.name}.pid").unlink()


if __name__ == "__main__":
    main()
