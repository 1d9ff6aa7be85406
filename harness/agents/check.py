"""Proves one agent against the scripted server: `check_agent` runs it through container, forwarder and proxy.

The scripted model reads a file, writes one and ends. Each `AgentFinding` says one thing that held or did not.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.agents.catalog import AgentSpec
from harness.agents.job import AgentJob, AgentRun
from harness.agents.run_agent import run_agent
from harness.agents.scripted import MODEL, ScriptedModel, scripted_server
from harness.proxy import read_exchanges
from harness.sandbox import Engine
from harness.session import SessionRequest, describe_prefix_change, requests_of, sources_of_exchanges
from harness.types import AgentLimits

MARKER = "lanebench-check-41"
FILES: Mapping[str, str] = {
    "README.md": "# A small repository\n",
    "src/answer.py": f'"""{MARKER}"""\n\n\ndef answer():\n    return 41\n',
}
EDIT: Mapping[str, str] = {"src/answer.py": FILES["src/answer.py"].replace("return 41", "return 42")}
PROMPT = "answer() in src/answer.py must return 42. Correct it."
_MAX_OUTPUT_CHARS = 300


@dataclass(frozen=True, slots=True)
class AgentFinding:
    """One thing that was looked at; `detail` says what was seen. An optional one fails no check."""

    name: str
    is_held: bool
    detail: str = ""
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class AgentCheck:
    """What a run against the scripted server showed."""

    run: AgentRun
    model: ScriptedModel
    findings: tuple[AgentFinding, ...] = field(default=())

    @property
    def failures(self) -> tuple[AgentFinding, ...]:
        """What must hold and did not."""
        return tuple(finding for finding in self.findings if not finding.is_held and not finding.is_optional)


def check_agent(
    engine: Engine, image: str, labels: Mapping[str, str], agent: AgentSpec, limits: AgentLimits | None = None
) -> AgentCheck:
    """Run an agent on a small repository against the scripted server. Raises EngineError, ConfigError, RunError."""
    model = ScriptedModel(agent.action, EDIT)
    with tempfile.TemporaryDirectory(prefix="lanebench-check-") as folder, scripted_server(model) as base_url:
        job = AgentJob(
            agent, PROMPT, FILES, base_url, MODEL, Path(folder) / "exchanges", limits or AgentLimits(clock_s=180.0)
        )
        run = run_agent(engine, image, labels, job)
        requests = requests_of(sources_of_exchanges(read_exchanges(run.exchanges)))
    return AgentCheck(run, model, tuple(_findings(agent, run, model, requests)))


def _findings(
    agent: AgentSpec, run: AgentRun, model: ScriptedModel, requests: tuple[SessionRequest, ...]
) -> Iterator[AgentFinding]:
    """What was seen, in the order in which one thing needs the one before."""
    yield AgentFinding("starts and asks the model", run.turns > 0, f"{run.turns} requests" if run.turns else _said(run))
    refused = run.refused_connections
    kinds = (
        (refused.to_hosts, "to other hosts"), (refused.to_ports, "to other ports"), (refused.requests, "other requests")
    )  # fmt: skip
    others = [f"{count} {what}" for count, what in kinds if count]
    detail = ", ".join([*others, *refused.targets[:5]])
    yield AgentFinding("asks nothing but the model", not others, detail, is_optional=True)
    yield AgentFinding(f"speaks the API {agent.api}", run.turns > 0)
    yield from _action_findings(agent, run, model, requests)
    text = run.tree.files.get("src/answer.py")
    yield AgentFinding(
        "wrote the file", text == EDIT["src/answer.py"], "" if text == EDIT["src/answer.py"] else _said(run)
    )
    detail = f"exit code {run.exit_code}" if run.end == "exited" else f"ended as: {run.end}"
    yield AgentFinding("ended by itself", run.end == "exited" and run.exit_code == 0, f"{detail}, {run.seconds:.1f} s")
    yield AgentFinding("left a transcript", bool(run.transcript), f"{len(run.transcript)} bytes")
    change = describe_prefix_change(requests)
    yield AgentFinding("keeps its prefix", change is None, change or "", is_optional=True)
    tokens = max((request.prompt_tokens or 0 for request in requests), default=0)
    detail = f"about {tokens} tokens in its longest prompt; its file says {agent.context_tokens} in the first"
    yield AgentFinding(
        "needs the context that its file says", tokens <= 2 * agent.context_tokens, detail, is_optional=True
    )


def _action_findings(
    agent: AgentSpec, run: AgentRun, model: ScriptedModel, requests: tuple[SessionRequest, ...]
) -> Iterator[AgentFinding]:
    if not agent.action.tool:
        return
    offered = not model.missing_tools or model.acted > 0
    detail = "" if offered else f"its tools: {', '.join(model.missing_tools)}"
    yield AgentFinding(f"offers the tool {agent.action.tool}", offered, detail)
    results = [unit.text for request in requests for unit in request.units if not unit.is_reply]
    executed = any(MARKER in text for text in results)
    yield AgentFinding("executes a tool call", executed, "" if executed else _said(run))


def _said(run: AgentRun) -> str:
    """The end of what the agent printed, on one line."""
    text = (run.stderr or run.stdout).decode("utf-8", "replace").strip()
    return " ".join(text.split())[-_MAX_OUTPUT_CHARS:] or "it printed nothing"
