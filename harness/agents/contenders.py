"""Contenders: each model of a configuration alone, and with each agent that it drives.

`contenders` gives them as models, a name for each; `require_installed` checks that their agents can run here;
`agent_tokens` is what the agent of a contender sends beside a task.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from harness.agents.catalog import AgentSpec, get_agent, load_agents
from harness.agents.image import ready_image
from harness.apis import get_api
from harness.config import Config, contender_label
from harness.errors import ConfigError, Problem
from harness.sandbox import Engine
from harness.servers import get_server_kind
from harness.types import Log, Model, ModelInfo, Sampling


def contenders(config: Config) -> tuple[Model, ...]:
    """Every model alone, each followed by its contenders with an agent. Raises ConfigError with every problem.

    An agent writes its own requests: the thinking, sampling and further fields of the configuration are not sent.
    """
    problems: list[Problem] = []
    found: list[Model] = []
    for model in config.models:
        found.append(model)
        for name in config.agents.get(model.label, ()):
            try:
                found.append(_contender(model, get_agent(name)))
            except ConfigError as error:
                problems += error.problems
    if problems:
        raise ConfigError(*problems)
    return tuple(found)


def _contender(model: Model, agent: AgentSpec) -> Model:
    kind, api = get_server_kind(model.server), get_api(agent.api)
    if not kind.speaks(agent.api):
        raise ConfigError(
            f"model {model.label!r}: {agent.title} speaks the {api.title} API, which {kind.title} is not known to have",
            fix="choose another agent, or a server with that API",
        )
    return replace(
        model,
        label=contender_label(model.label, agent.name),
        api=agent.api,
        thinking="default",
        sampling=Sampling(temperature=None, top_p=None),
        extra={},
        agent=agent.name,
        agent_version=agent.version,
    )


def require_installed(engine: Engine, models: Sequence[Model], log: Log) -> dict[str, str]:
    """The image of each agent of these models, by the agent's name. Raises ConfigError that lists the missing ones."""
    images: dict[str, str] = {}
    problems: list[Problem] = []
    for agent in _agents_of(models):
        try:
            images[agent.name] = ready_image(engine, agent, log)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(*problems)
    return images


def _agents_of(models: Sequence[Model]) -> Iterator[AgentSpec]:
    yield from (get_agent(name) for name in dict.fromkeys(model.agent for model in models) if name is not None)


def agent_tokens(model: Model | ModelInfo) -> int:
    """The prompt tokens that a contender's agent sends at least; 0 without one, or for one that is not known here."""
    agent = load_agents().get(model.agent or "")
    return 0 if agent is None else agent.context_tokens
