"""`lanebench agents`: lists the coding agents that the kit can run; installs, checks or locks one."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from harness.cli.arguments import add_action
from harness.cli.console import command_line, log, show
from harness.cli.fixes import suggest
from harness.errors import ConfigError, RunError

if TYPE_CHECKING:
    from harness.sandbox import Engine

NAME = "agents"
HELP = "List the coding agents that can drive a model here, and what is missing; install or check one."
_ACTIONS = {
    "install": "install an agent into an image",
    "check": "run an agent against a scripted model, and show what it asks and does",
    "lock": "write NAME.lock anew from the version in the agent's file",
}


def options(parser: argparse.ArgumentParser) -> None:
    """What to do with which agent."""
    parser.set_defaults(action="list", agent=None)
    actions = parser.add_subparsers(dest="action", metavar="list|install|check|lock")
    add_action(actions, "list", "list the agents and what is missing, as without an action")
    for name, text in _ACTIONS.items():
        add_action(actions, name, text).add_argument("agent", nargs="?", metavar="NAME", help="the agent's name")


def run(args: argparse.Namespace) -> int:
    """List the agents; install, check or lock one. Raises ConfigError, DownloadError, EngineError, RunError."""
    from harness.sandbox import ensure_engine

    if args.action in _ACTIONS and args.agent is None:
        raise ConfigError("no agent is named", fix=f"name it: {command_line(f'agents {args.action} NAME')}")
    if args.action == "lock":
        from harness.agents import lock_agent

        log(f"written: {lock_agent(args.agent)}")
        return 0
    engine = ensure_engine(log)
    try:
        if args.action == "check":
            _check(engine, args.agent)
        elif args.action == "install":
            _install(engine, args.agent)
        else:
            show("\n".join(_rows(engine)))
    finally:
        engine.close()
    return 0


def _install(engine: Engine, name: str) -> None:
    from harness.agents import get_agent, install_agent

    image = install_agent(engine, get_agent(name), log)
    log(f"{name} is installed: {image}. Prove it with: {command_line(f'agents check {name}')}")


def _check(engine: Engine, name: str) -> None:
    """Show what a run against the scripted server showed. Raises RunError if something that must hold did not."""
    from harness.agents import check_agent, get_agent, ready_image
    from harness.sandbox import owner_labels

    agent = get_agent(name)
    with suggest(f"install it: {command_line(f'agents install {name}')}", ConfigError):
        image = ready_image(engine, agent, log)
    log(f"Running {agent.title} {agent.version} against a scripted model.")
    with owner_labels("agents-check") as labels:
        check = check_agent(engine, image, labels, agent)
    for finding in check.findings:
        mark = "yes" if finding.is_held else "note" if finding.is_optional else "NO"
        show(f"{mark:<5} {finding.name}{f': {finding.detail}' if finding.detail else ''}")
    if check.failures:
        failed = check.failures[0].name
        raise RunError(f"{agent.title} {agent.version} cannot be used here; the first thing that failed: {failed}")


def _rows(engine: Engine) -> list[str]:
    """One line for each agent: name, version, API, and whether its package is installed, if it has one."""
    from harness.agents import installed_image, load_agents

    rows = []
    for agent in load_agents().values():
        missing = f"missing; {command_line(f'agents install {agent.name}')}"
        state = "installed" if agent.package is None or installed_image(engine, agent) else missing
        rows.append(f"{agent.name:<15} {agent.version:<9} {agent.api:<10} {state}")
    return rows
