"""The level `replicated`: trials of the same models are run again on the user's own server, with new nonces.

The server is another machine, another build and another day, so results need not be equal. Each trial is paired with
the published trial of the same task and variant, and only a difference that chance does not explain is a problem: exact
McNemar test over the pairs of a model, Holm's correction over the models. Speeds are compared on hardware of the same
class; agreement.py says in words how well all of it agrees.
"""

from __future__ import annotations

import random
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from harness.config import read_api_key
from harness.errors import ConfigError
from harness.host import is_this_machine
from harness.read import read
from harness.record import Client, Timeouts
from harness.run import AgentHost, TrialSetup, converse, open_agents
from harness.score import score
from harness.servers import ServerHandle, get_server_kind
from harness.stats import holm, mcnemar_p
from harness.tasks import vary
from harness.types import (
    SIGNIFICANCE,
    AgentLimits,
    Finding,
    HostFacts,
    Model,
    Outcome,
    Recording,
    Sandbox,
    TrialKey,
    TrialResult,
)
from harness.verify.agent_limits import reduced_limits, smaller_limits
from harness.verify.agreement import (
    Pair,
    compare_model,
    compare_speed,
    p_value_of,
    setting_differences,
    why_other_hardware,
)
from harness.verify.evidence import Evidence, same_task
from harness.verify.requests import stated_thinking_tokens


@dataclass(frozen=True, slots=True)
class Replication:
    """What to run again: `trials` trials of each model; `models` are the user's own contenders by label.

    `timeouts` and `agent_limits` are those of the user's configuration, `host` is this machine. An agent gets no more
    than they and the result allow.
    """

    trials: int
    models: Mapping[str, Model]
    timeouts: Timeouts
    host: HostFacts
    agent_limits: AgentLimits = field(default_factory=AgentLimits)


class _NotRunError(Exception):
    """A trial could not be run again; the text says why."""


def why_not_replicable(evidence: Evidence, replication: Replication) -> str | None:
    """Why nothing can be run again; None when it can."""
    labels = [model.label for model in evidence.result.models]
    models = [replication.models[label] for label in labels if label in replication.models]
    if not models:
        return f"the configuration has none of the result's models: {', '.join(labels)}"
    if evidence.result.run.simulated:
        return "the run is simulated: there is no model to run again"
    try:
        for model in models:
            read_api_key(model)
    except ConfigError as error:
        return error.message
    return None


def check_replicated(evidence: Evidence, replication: Replication, sandbox: Sandbox) -> Iterator[Finding]:
    """Run trials of each model again and compare. Raises EngineError when the engine fails."""
    scored = {task.name for task in evidence.result.tasks if task.scored}
    pairs: dict[str, list[Pair]] = {}
    seed = secrets.randbits(64)
    with _replica(evidence, replication, sandbox) as replica:
        for at, model in enumerate(evidence.result.models):
            location = evidence.location(f"$.models[{at}]")
            if model.label not in replication.models:
                message = f"{model.label} is not in the configuration, so it was not run again"
                yield Finding("replicated", location, message, "inconclusive")
                continue
            own = [trial for trial in evidence.result.trials if trial.model == model.label and not trial.warmup]
            trials = [trial for trial in own if trial.task in scored]
            try:
                for trial in choose_trials(trials, replication.trials, seed):
                    pairs.setdefault(model.label, []).append(replica.run_again(trial))
            except _NotRunError as error:
                yield Finding("replicated", location, str(error), "inconclusive")
    yield from _compare(evidence, replication, pairs)


def choose_trials(trials: Sequence[TrialResult], count: int, seed: int) -> list[TrialResult]:
    """`count` random trials, spread evenly over the tasks; the publisher could not foresee the seed."""
    shuffled = sorted(trials, key=lambda trial: (trial.task, trial.trial))
    random.Random(seed).shuffle(shuffled)
    chosen_of_task: Counter[str] = Counter()
    rounds = []
    for trial in shuffled:
        chosen_of_task[trial.task] += 1
        rounds.append((chosen_of_task[trial.task], trial))
    return [trial for _, trial in sorted(rounds, key=lambda pair: pair[0])[:count]]


def min_trials(models: int) -> int:
    """The fewest trials per model with which a difference can be significant: all of them change their outcome."""
    return next(count for count in range(1, 100) if models * mcnemar_p(count, 0) < SIGNIFICANCE)


@dataclass(frozen=True, slots=True)
class _Replica:
    """What runs a trial again: the client for a model alone, the host of the agents for one with an agent."""

    evidence: Evidence
    replication: Replication
    sandbox: Sandbox
    client: Client
    agents: AgentHost | None

    def run_again(self, trial: TrialResult) -> Pair:
        """Raises _NotRunError when the task is not known locally or the server does not answer."""
        model, task = self.replication.models[trial.model], same_task(self.evidence, trial.task)
        if task is None:
            raise _NotRunError(f"no task {trial.task} with this digest is known locally")
        setup = TrialSetup(
            key=TrialKey(trial.model, trial.task, trial.trial),
            variant=vary(task, trial.trial),
            nonce=secrets.token_hex(8),
            thinking_tokens=stated_thinking_tokens(self.evidence, trial),
        )
        turns = list(self._turns(trial, setup))
        if any(turn.end_reason == "connect_failed" for turn in turns):
            error = next(turn.error for turn in turns if turn.end_reason == "connect_failed")
            raise _NotRunError(f"{model.label}: {model.base_url} does not answer: {error}")
        readings = tuple(read(turn) for turn in turns)
        verdict = score(setup.variant, readings, self.sandbox)
        return Pair(trial, verdict.outcome is Outcome.PASSED, readings)

    def _turns(self, trial: TrialResult, setup: TrialSetup) -> Iterable[Recording]:
        model = self.replication.models[trial.model]
        server = ServerHandle(model, get_server_kind(model.server), read_api_key(model))
        if self.agents is None or trial.work is None:
            return converse(self.client, server, setup)
        return self.agents.run(server, setup, smaller_limits(trial.work.limits, self.replication.agent_limits))


@contextmanager
def _replica(evidence: Evidence, replication: Replication, sandbox: Sandbox) -> Iterator[_Replica]:
    labels = {model.label for model in evidence.result.models}
    models = [model for label, model in replication.models.items() if label in labels]
    with Client(replication.timeouts) as client, open_agents("verify", models, lambda line: None) as agents:
        yield _Replica(evidence, replication, sandbox, client, agents)


def _compare(evidence: Evidence, replication: Replication, pairs: Mapping[str, Sequence[Pair]]) -> Iterator[Finding]:
    labels = [model.label for model in evidence.result.models]
    enough = min_trials(len(pairs)) if pairs else 0
    p_values = holm([p_value_of(found) for found in pairs.values()])
    for (label, found), p in zip(pairs.items(), p_values, strict=True):
        at = labels.index(label)
        location, published = evidence.location(f"$.models[{at}]"), evidence.result.models[at]
        here = replication.models[label]
        for message, severity in (
            compare_model(label, found, p, enough),
            compare_speed(label, found, _why_incomparable(evidence, replication, here)),
        ):
            yield Finding("replicated", location, message, severity)
        if (names := setting_differences(published, here)) is not None:
            message = f"{label}: these settings of your configuration differ from the published ones: {names}"
            yield Finding("replicated", location, message, "info")
        if reduced := _reduced_limits(replication, found):
            message = f"{label}: its agent had less here than published, by limits of {', '.join(reduced)}"
            yield Finding("replicated", location, message, "info")


def _reduced_limits(replication: Replication, pairs: Sequence[Pair]) -> list[str]:
    stated = [pair.published.work.limits for pair in pairs if pair.published.work is not None]
    names = [name for limits in stated for name in reduced_limits(limits, replication.agent_limits)]
    return list(dict.fromkeys(names))


def _why_incomparable(evidence: Evidence, replication: Replication, model: Model) -> str | None:
    host = urlsplit(model.base_url).hostname or ""
    if model.tunnel is not None or not is_this_machine(host):
        return "the server runs on another machine than this one"
    return why_other_hardware(evidence.result.host, replication.host)
