"""`lanebench agents`: lists the coding agents that the kit can run, and installs one into an image of its own."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from harness.cli.console import command_line, log, show
from harness.errors import ConfigError

if TYPE_CHECKING:
    from harness.sandbox import Engine

NAME = "agents"
HELP = "List the coding agents that can drive a model here, and what is missing; install one."
_ACTIONS = ("list", "install")


def options(parser: argparse.ArgumentParser) -> None:
    """What to do with which agent."""
    parser.add_argument("action", nargs="?", choices=_ACTIONS, default="list", help="default: %(default)s")
    parser.add_argument("agent", nargs="?", metavar="NAME", help="the agent to install")


def run(args: argparse.Namespace) -> int:
    """List the agents, or install one. Raises ConfigError, DownloadError, EngineError."""
    from harness.agents import get_agent, install_agent
    from harness.sandbox import ensure_engine

    if args.action == "install" and args.agent is None:
        raise ConfigError("no agent is named", fix=f"name it: {command_line('agents install NAME')}")
    engine = ensure_engine(log)
    try:
        if args.action == "install":
            image = install_agent(engine, get_agent(args.agent), log)
            log(f"{args.agent} is installed: {image}")
        else:
            show("\n".join(_rows(engine)))
    finally:
        engine.close()
    return 0


def _rows(engine: Engine) -> list[str]:
    """One line for each agent: name, version, API, and whether it is installed."""
    from harness.agents import installed_image, load_agents

    rows = []
    for agent in load_agents().values():
        if agent.unusable:
            state = f"cannot run here: {agent.unusable}"
        elif installed_image(engine, agent):
            state = "installed"
        else:
            state = f"missing; {command_line(f'agents install {agent.name}')}"
        rows.append(f"{agent.name:<15} {agent.version:<9} {agent.api:<10} {state}")
    return rows
