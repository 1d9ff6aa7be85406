"""Proves one agent against the scripted server: `check_agent` runs it through container, forwarder and proxy.

The scripted model reads a file, writes one and ends. Each `AgentFinding` says one thing that held or did not.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.agents.catalog import AgentSpec
from harness.agents.job import AgentJob, AgentRun, RefusedConnections
from harness.agents.run_agent import run_agent
from harness.agents.scripted import MODEL, ScriptedModel, scripted_server
from harness.proxy import read_exchanges
from harness.sandbox import Engine
from harness.session import SessionRequest, describe_prefix_change, requests_of, sources_of_exchanges
from harness.types import AgentLimits

MARKER = "lanebench-check-41"
PATH = "src/answer.py"
FILES: Mapping[str, str] = {
    "README.md": "# A small repository\n",
    PATH: f'"""{MARKER}"""\n\n\ndef answer():\n    return 41\n',
}
EDIT: Mapping[str, str] = {PATH: FILES[PATH].replace("return 41", "return 42")}
PROMPT = "answer() in src/answer.py must return 42. Correct it."
_MAX_OUTPUT_CHARS = 300
_MAX_TARGETS = 5


@dataclass(frozen=True, slots=True)
class AgentFinding:
    """One thing that an agent does; `detail` says what was seen. An optional one fails no check."""

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
    model = ScriptedModel(agent.action, {PROMPT: EDIT})
    with tempfile.TemporaryDirectory(prefix="lanebench-check-") as folder, scripted_server(model) as base_url:
        job = AgentJob(agent, PROMPT, FILES, base_url, MODEL, Path(folder) / "exchanges", limits or AgentLimits())
        run = run_agent(engine, image, labels, job)
        requests = requests_of(sources_of_exchanges(read_exchanges(run.exchanges)))
    return AgentCheck(run, model, tuple(_findings(agent, run, model, requests)))


def _findings(
    agent: AgentSpec, run: AgentRun, model: ScriptedModel, requests: tuple[SessionRequest, ...]
) -> Iterator[AgentFinding]:
    """What was seen, in the order in which one thing needs the one before."""
    yield AgentFinding("asks the model", run.turns > 0, f"{run.turns} requests over the API {agent.api}")
    yield _reach_finding(run.refused_connections)
    yield from _tool_findings(agent, model, requests)
    yield AgentFinding("writes the file", run.tree.files.get(PATH) == EDIT[PATH])
    end = f"exit code {run.exit_code}" if run.end == "exited" else f"it was ended: {run.end}"
    said = "" if run.exit_code == 0 else f"; the end of its output: {_said(run)}"
    has_ended = run.end == "exited" and run.exit_code == 0
    yield AgentFinding("ends by itself", has_ended, f"{end}, after {run.seconds:.1f} s{said}")
    yield AgentFinding("leaves a transcript", bool(run.transcript), f"{len(run.transcript)} bytes")
    change = describe_prefix_change(requests)
    yield AgentFinding("keeps its prefix", change is None, change or "", is_optional=True)
    # Some ask for a title of the session first, with a short prompt of its own.
    asked = [request for request in requests if request.recording.request.get("tools")] or requests
    tokens = next((request.prompt_tokens or 0 for request in asked), 0)
    detail = f"about {tokens} tokens in the first prompt, and its file says {agent.context_tokens}"
    yield AgentFinding("sends what its file says", tokens <= 1.2 * agent.context_tokens, detail, is_optional=True)


def _reach_finding(refused: RefusedConnections) -> AgentFinding:
    kinds = (
        (refused.to_hosts, "to other hosts"), (refused.to_ports, "to other ports or for the address of a host"),
        (refused.requests, "other requests"),
    )  # fmt: skip
    counts = [f"{count} {kind}" for count, kind in kinds if count]
    detail = ", ".join([*counts, *refused.targets[:_MAX_TARGETS]])
    return AgentFinding("asks nothing else", not counts, detail, is_optional=True)


def _tool_findings(
    agent: AgentSpec, model: ScriptedModel, requests: tuple[SessionRequest, ...]
) -> Iterator[AgentFinding]:
    if agent.action.tool:
        offered = bool(model.acted)
        detail = "" if offered else f"it offers: {', '.join(model.missing_tools) or 'no tools'}"
        yield AgentFinding(f"offers the tool {agent.action.tool}", offered, detail)
        texts = [unit.text for request in requests for unit in request.units if not unit.is_reply]
        yield AgentFinding("executes a tool call", any(MARKER in text for text in texts))


def _said(run: AgentRun) -> str:
    """The end of what the agent printed, on one line."""
    text = (run.stdout + run.stderr).decode("utf-8", "replace")
    return " ".join(text.split())[-_MAX_OUTPUT_CHARS:] or "nothing"
