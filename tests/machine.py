"""A fake machine for tests: a launchctl, commands that start and stop services, and servers as processes.

All of them write to one log, so that a test can check what happened in which order.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.fake_server import FakeBehavior, respond_with, serve_fake

LAUNCHCTL = """#!{python}
import os, pathlib, sys
here = pathlib.Path({here!r})
verb, arguments = sys.argv[1], sys.argv[2:]
name = pathlib.Path(arguments[-1]).stem if verb == "bootstrap" else arguments[0].split("/")[-1]
flag = here / (name + ".runs")
if verb != "print":
    with open(here / "log", "a") as log:
        kept = pathlib.Path(os.environ["LANEBENCH_STATE"]).exists()
        log.write(verb + " " + name + (" state kept" if kept else " no state") + "\\n")
if verb == "print":
    sys.exit(0 if flag.exists() else 113)
if verb == "bootstrap":
    if (here / "refuse").exists():
        print("Bootstrap failed: 5: Input/output error", file=sys.stderr)
        sys.exit(5)
    flag.touch()
if verb == "bootout":
    flag.unlink()
"""


@dataclass(frozen=True)
class Machine:
    """The fake machine, with the folder of its files."""

    here: Path

    @property
    def log(self) -> list[str]:
        """The commands that it got, in order."""
        path = self.here / "log"
        return path.read_text().splitlines() if path.exists() else []

    def runs(self, name: str) -> bool:
        """Whether a service runs."""
        return (self.here / f"{name}.runs").exists()

    def let_run(self, name: str) -> None:
        """Mark a service as running, as if it had been started before."""
        (self.here / f"{name}.runs").touch()

    def touch(self, name: str, verb: str) -> tuple[str, ...]:
        """A command that starts, stops or checks a service by its flag file."""
        flag, log = self.here / f"{name}.runs", self.here / "log"
        lines = {
            "start": f"open({str(flag)!r}, 'w').close(); open({str(log)!r}, 'a').write('start {name}\\n')",
            "stop": f"import os; os.unlink({str(flag)!r}); open({str(log)!r}, 'a').write('stop {name}\\n')",
            "running": f"import os, sys; sys.exit(0 if os.path.exists({str(flag)!r}) else 1)",
        }
        return (sys.executable, "-c", lines[verb])


def make_machine(here: Path) -> Machine:
    """Write the executables; `bin` below `here` goes to the front of PATH."""
    (here / "bin").mkdir(parents=True)
    path = here / "bin" / "launchctl"
    path.write_text(LAUNCHCTL.format(python=sys.executable, here=str(here)))
    path.chmod(0o755)
    return Machine(here)


def server_words(port: int, *more: str) -> tuple[str, ...]:
    """The command of a fake llama-server that runs as a process."""
    return (sys.executable, "-m", "tests.machine", str(port), *more)


def main() -> None:
    """A fake llama-server: it answers 503 for a while, or ends before that."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--loads", type=float, default=0.0)
    parser.add_argument("--ends", type=int)
    parser.add_argument("--context", type=int, default=4096)
    args = parser.parse_args()
    if args.ends is not None:
        print("cannot read the model: no such file", flush=True)
        sys.exit(args.ends)
    ready_s = time.monotonic() + args.loads
    routes = {
        "GET /v1/models": respond_with({"data": [{"id": "m", "meta": {"n_ctx_train": 32768}}]}),
        "GET /props": respond_with({"build_info": "b7", "default_generation_settings": {"n_ctx": args.context}}),
        "GET /health": lambda _: (200, {"status": "ok"}) if time.monotonic() > ready_s else (503, {"error": "loading"}),
    }
    with serve_fake(FakeBehavior(context=args.context), routes, args.port):
        print(f"listening, {os.getpid()}", flush=True)
        while True:
            time.sleep(60)


if __name__ == "__main__":
    main()
