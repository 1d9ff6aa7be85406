"""Runs a trial of an agent: `open_agents` gives an `AgentHost`, whose `run` gives the trial's turns.

Each request that the agent made to its model is a turn, as the proxy recorded it; the last turn is the agent's work.
One agent runs at a time, and nothing else while its model is timed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.agents import AgentJob, AgentRun, get_agent, require_installed, run_agent
from harness.apis import get_api
from harness.proxy import read_exchanges
from harness.record import CLOCK_WRAP_NS
from harness.run.conversation import NONCE_PLACEHOLDER, TrialSetup
from harness.sandbox import Engine, ensure_engine, owner_labels
from harness.servers import ServerHandle
from harness.trees import make_patch
from harness.types import AgentLimits, AgentOutput, AgentWork, Exchange, Log, Model, Recording, Variant

MAX_OUTPUT_CHARS = 64 * 1024
MAX_TRANSCRIPT_CHARS = 256 * 1024
"""What is kept of the agent's output and of its own log: their ends, which say how it ended."""
MAX_REPLY_BYTES = 40 * 1024 * 1024
MAX_REPLY_READS = 300_000
"""What is kept of one reply: with its request it is a line, which has to be short enough to be read again."""


@dataclass(frozen=True, slots=True)
class AgentHost:
    """A container engine with the images of the agents of a run, by the agent's name."""

    engine: Engine
    images: Mapping[str, str]
    labels: Mapping[str, str]

    def run(self, server: ServerHandle, setup: TrialSetup, limits: AgentLimits) -> tuple[Recording, ...]:
        """Run one trial to its end or to a limit. Raises EngineError, ConfigError, RunError."""
        model, variant = server.model, setup.variant
        agent = get_agent(model.agent or "")
        with TemporaryDirectory(prefix="lanebench-agent-") as folder:
            job = AgentJob(
                agent,
                prompt_of(variant, setup.nonce),
                variant.files,
                model.base_url,
                model.model,
                Path(folder) / "exchanges",
                limits,
                variant.task.budget_tokens,
                server.api_key,
            )
            run = run_agent(self.engine, self.images[agent.name], self.labels, job)
            return turns_of(run, job, setup, read_exchanges(job.exchanges))


@contextmanager
def open_agents(run_id: str, models: Sequence[Model], log: Log) -> Iterator[AgentHost | None]:
    """The host for the agents that these models drive; None if they drive none. Raises EngineError, ConfigError."""
    with_agents = [model for model in models if model.agent is not None]
    if not with_agents:
        yield None
        return
    engine = ensure_engine(log)
    try:
        with owner_labels(run_id) as labels:
            yield AgentHost(engine, require_installed(engine, with_agents, log), labels)
    finally:
        engine.close()


def prompt_of(variant: Variant, nonce: str) -> str:
    """What the agent is asked: the task's text. Its rules stand before it, where the task has some."""
    text = "\n\n".join(filter(None, (variant.system, variant.turns[0])))
    return text.replace(NONCE_PLACEHOLDER, nonce)


def turns_of(run: AgentRun, job: AgentJob, setup: TrialSetup, exchanges: Sequence[Exchange]) -> tuple[Recording, ...]:
    """The turns of a trial: the requests for a reply that reached the model's server, then the agent's work."""
    path = f"{job.prefix}{get_api(job.agent.api).path}"
    began_at = datetime.fromtimestamp(run.began.wall_ns / 1e9, UTC).isoformat(timespec="milliseconds")
    asked = [each for each in exchanges if _is_turn(each, path)]
    requests = [
        replace(
            cut_reply(exchange.recording),
            key=setup.key,
            turn=turn,
            variant=setup.variant.index,
            sent_at=exchange.recording.sent_at or began_at,
            last_turn=False,
        )
        for turn, exchange in enumerate(asked)
    ]
    work = Recording(
        key=setup.key,
        turn=len(requests),
        variant=setup.variant.index,
        sent_at=began_at,
        sent_ns=run.began.monotonic_ns,
        url=get_api(job.agent.api).url(job.base_url),
        request={},
        status=None,
        headers={},
        headers_ns=None,
        chunks=(),
        end_reason="complete",
        ended_ns=max([round(run.seconds * 1e9), *(_ended_ns(request, run) for request in requests)]),
        work=_work(run, job, setup.variant),
        output=AgentOutput(
            _tail(run.stdout, MAX_OUTPUT_CHARS),
            _tail(run.stderr, MAX_OUTPUT_CHARS),
            _tail(run.transcript, MAX_TRANSCRIPT_CHARS),
        ),
    )
    return (*requests, work)


def cut_reply(recording: Recording, max_bytes: int = MAX_REPLY_BYTES, max_reads: int = MAX_REPLY_READS) -> Recording:
    """The recording with as much of its reply as a line can hold; one that was cut says so, as the recorder's does."""
    sizes = accumulate(len(chunk.data) for chunk in recording.chunks[:max_reads])
    count = sum(size <= max_bytes for size in sizes)
    if count == len(recording.chunks):
        return recording
    error = f"the reply has more than {max_bytes} bytes or {max_reads} reads"
    return replace(recording, chunks=recording.chunks[:count], end_reason="limit_exceeded", error=error)


def _is_turn(exchange: Exchange, path: str) -> bool:
    """Whether it asks for a reply. The list of models, a count of tokens and what the gate refused are no turns."""
    return (exchange.method, exchange.target.partition("?")[0]) == ("POST", path) and exchange.end_reason != "refused"


def _ended_ns(request: Recording, run: AgentRun) -> int:
    """The end of a request since the agent's start: a reply may end just after the agent that waited for it."""
    if request.sent_ns is None:
        return 0
    return (request.sent_ns - run.began.monotonic_ns) % CLOCK_WRAP_NS + (request.ended_ns or 0)


def _work(run: AgentRun, job: AgentJob, variant: Variant) -> AgentWork:
    return AgentWork(
        end=run.end,
        exit_code=run.exit_code,
        patch=make_patch(variant.files, run.tree),
        cpu_s=run.cpu_s,
        left_processes=run.left_processes,
        refused_connections=run.refused_connections.total,
        refused_targets=run.refused_connections.targets,
        limits=job.limits,
    )


def _tail(data: bytes, max_chars: int) -> str:
    return data.decode("utf-8", "replace")[-max_chars:]
