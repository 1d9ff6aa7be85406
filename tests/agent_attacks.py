"""Runs the corpus of hostile agents: `python -m tests.agent_attacks [NAME...]`, or `nox -s tests_agents`.

Each file of tests/attacks/agents is an agent that works in the repository of agent-failing-test, in a real container
with a real forwarder and proxy; the tree that it leaves is scored as every trial is. No hostile agent may solve the
task, reach anything but its model or leave anything behind; every honest one must solve it.
"""

from __future__ import annotations

import json
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.agents import AgentJob, AgentRun, read_agent, ready_image, run_agent
from harness.proxy import read_exchanges
from harness.read.work import read_work
from harness.reference import serving
from harness.sandbox import Engine, ensure_engine, open_sandbox, owner_labels
from harness.score import score
from harness.tasks import SELF_CHECK_SEED, HiddenCases, vary
from harness.trees import apply_patch, make_patch
from harness.types import AgentLimits, AgentWork, Json, Outcome, Score, Variant
from tests.samples import kit_tasks

FOLDER = Path(__file__).parent / "attacks" / "agents"
CORPUS: dict[str, Json] = tomllib.loads(FOLDER.with_suffix(".toml").read_text(encoding="utf-8"))
TASK = "agent-failing-test"
MODEL = "plain?ttft_ms=1&tps=4000&tokens=20"
LIMITS = AgentLimits(clock_s=300.0, turns=8, memory_bytes=512 * 1024**2, disk_bytes=128 * 1024**2)
MAX_REPORT_CHARS = 1024**2
"""What a hostile tree may add to the files that a run keeps."""
HEAD = """
import json, os, socket, subprocess, sys, time, urllib.error, urllib.request
URL, MODEL, PROMPT = sys.argv[1:]
def ask(url, model):
    body = {"model": model, "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    request = urllib.request.Request(url + "/chat/completions", json.dumps(body).encode(), {"Content-Type": "a/b"})
    return urllib.request.urlopen(request).read()
"""
SOLVE = "def solve():\n    for path, text in {changed!r}.items():\n        open(path, 'w').write(text)\n"
"""Only an honest agent is given the solution."""


def is_honest(name: str) -> bool:
    return name.startswith("honest_")


def script_of(name: str, variant: Variant) -> str:
    """The program of an agent."""
    solution = apply_patch(variant.files, f"{variant.solution[0]}\n").files
    changed = {path: text for path, text in solution.items() if variant.files.get(path) != text}
    help_text = SOLVE.format(changed=changed) if is_honest(name) else ""
    return HEAD + help_text + (FOLDER / f"{name}.py").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Arena:
    """Where the agents run: engine, image, the variant with its hidden cases, and the port of the model's server."""

    engine: Engine
    image: str
    variant: Variant
    port: int
    folder: Path

    def run(self, name: str) -> AgentRun:
        """Run one agent to its end."""
        path = self.folder / f"{name}.toml"
        command = ["python3", "/home/agent/agent.py", "{base_url}", "{model}", "{prompt}"]
        head = "".join(f"{key} = {json.dumps(value)}\n" for key, value in
                       {"title": "Fake", "api": "chat", "command": command}.items())  # fmt: skip
        path.write_text(f'{head}[files]\n"/home/agent/agent.py" = {json.dumps(script_of(name, self.variant))}\n')
        job = AgentJob(
            read_agent(path), self.variant.turns[0], self.variant.files, f"http://127.0.0.1:{self.port}/v1", MODEL,
            self.folder / f"exchanges-{name}", LIMITS,
        )  # fmt: skip
        with owner_labels("agent-attacks") as labels:
            return run_agent(self.engine, self.image, labels, job)


def work_of(run: AgentRun, variant: Variant) -> AgentWork:
    """What a recording keeps of a run."""
    refused = run.refused_connections
    return AgentWork(
        run.end, run.exit_code, make_patch(variant.files, run.tree), run.cpu_s, run.left_processes, refused.total,
        refused.targets, LIMITS,
    )  # fmt: skip


def faults(name: str, run: AgentRun, scored: Score, arena: Arena) -> Iterator[str]:
    """What is not as it must be."""
    entry = CORPUS[name]
    expected = ["passed"] if is_honest(name) else entry["outcome"]
    if scored.outcome not in expected:
        failed = [f"{check.name} {check.note or ''}" for check in scored.checks if not check.passed]
        yield f"ends as {scored.outcome.value}, not as {' or '.join(expected)}: {'; '.join(failed[:3])}"
    if "prints" in entry and run.stdout.decode() != entry["prints"]:
        yield f"printed {run.stdout.decode()[:300]!r}"
    if run.left_processes < entry.get("left", 0):
        yield f"{run.left_processes} processes were left"
    for exchange in read_exchanges(arena.folder / f"exchanges-{name}"):
        target = (exchange.method, exchange.target, exchange.recording.request.get("model"))
        is_models = target[0] == "GET" and target[1] == "/v1/models"
        if exchange.end_reason != "refused" and target != ("POST", "/v1/chat/completions", MODEL) and not is_models:
            yield f"reached {target}"
    if not is_honest(name) and len(make_patch(arena.variant.files, run.tree)) > MAX_REPORT_CHARS:
        yield "the patch is too long"
    if forged := [path for path in ("/tmp/forged", "/etc/forged", "forged", "../forged") if Path(path).exists()]:
        yield f"left {forged} on the host"


def main(names: Sequence[str]) -> int:
    """Print a line for each agent; 1 if one is not as it must be."""
    variant = vary(kit_tasks()[TASK], 0)
    wrong = 0
    with (
        tempfile.TemporaryDirectory(prefix="agent-attacks-") as folder,
        open_sandbox("agent-attacks", print, ["python"]) as sandbox,
        serving() as server,
    ):
        variant = HiddenCases(SELF_CHECK_SEED, sandbox).extend(variant)
        engine = ensure_engine(print)
        (Path(folder) / "base.toml").write_text('title = "Base"\napi = "chat"\ncommand = ["true"]\n')
        image = ready_image(engine, read_agent(Path(folder) / "base.toml"), print)
        arena = Arena(engine, image, variant, server.port, Path(folder))
        for name in names or CORPUS:
            run = arena.run(name)
            scored = score(variant, [read_work(work_of(run, variant))], sandbox)
            found = list(faults(name, run, scored, arena))
            wrong += bool(found)
            refused = run.refused_connections
            facts = f"{run.end}, {run.left_processes} left, {refused.total} refused, {len(run.tree.left_out)} left out"
            print(f"{name:30} {scored.outcome.value:14} {facts}", flush=True)
            for fault in [*found, *([run.stderr.decode("utf-8", "replace")[-300:]] if found else [])]:
                print(f"    {fault}", flush=True)
        engine.close()
    solved = Outcome.PASSED.value
    print(f"{wrong} of {len(names or CORPUS)} agents are not as they must be ({solved} by honest ones alone)")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
