"""Coding agents, one TOML file each: what is installed, how it is pointed at a model and started.

`load_agents` gives the agents that ship with the kit and those in the folder that LANEBENCH_AGENTS names, `get_agent`
one of them, `read_agent` one file. The strings of a file may hold `{url}` (where the forwarder listens), `{base_url}`
(the same with the path of the server's API), `{model}`, `{prompt}`, `{context}`, `{max_tokens}` and `{cpu}` and
`{arch}` (x64 and x86_64, arm64 and aarch64), which `fill` replaces.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from harness.errors import ConfigError, Problem
from harness.files import build
from harness.schema import parse_toml, suggestion
from harness.types import Json

FOLDER = Path(__file__).parent
FOLDER_VARIABLE = "LANEBENCH_AGENTS"
"""The environment variable that names a folder of the user's own agents."""
HOME = "/home/agent"
"""The agent's home in its container, as the files name it."""


@dataclass(frozen=True, slots=True)
class AgentPackage:
    """What is installed: a package of npm or PyPI at one version.

    `unpack` says that the npm package is a native program, so that it is unpacked and nothing else is needed; `name`
    and `version` may hold `{cpu}` then, and `digests` are the integrity that npm states, by processor. Any other
    package has a lock instead, in which the `overrides`, versions by name, stand in place of those that a PyPI
    package requires or beside them; the Python that it requires does not count then. `license` is what the user accepts
    by installing.
    """

    registry: Literal["npm", "pypi"]
    name: str
    version: str
    license: str
    digests: Mapping[str, str] = field(default_factory=dict)
    overrides: Mapping[str, str] = field(default_factory=dict)
    unpack: bool = False


@dataclass(frozen=True, slots=True)
class ScriptedAction:
    """How the scripted model acts through an agent, which proves that the agent's calls work.

    `tool` is the agent's tool that runs a shell command, with its `arguments`, in which `{command}` stands for it;
    `finish` is the command by which the agent ends, if there is one. An agent without tools takes an `edit` as a text,
    with `{path}` and `{content}`.
    """

    tool: str = ""
    arguments: Json = None
    finish: str = ""
    edit: str = ""


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """One agent. `package` None: its program is among its `files`.

    `command` runs it headless; `environment` and `files` (absolute path -> content) point it at the model and keep its
    prefix stable. `gave_up` are regular expressions, one of which its output matches if it says that it could not do
    the task. `transcript` is a glob pattern of its own log. `context_tokens` is what it sends at least. `action` is how
    the scripted model acts through it. `lock` is the text of NAME.lock beside the file: everything that the package
    consists of, by version and digest.
    """

    name: str
    title: str
    api: str
    command: tuple[str, ...]
    package: AgentPackage | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    gave_up: tuple[str, ...] = ()
    transcript: str = ""
    context_tokens: int = 0
    action: ScriptedAction = field(default_factory=ScriptedAction)
    lock: str = ""

    @property
    def version(self) -> str:
        """The pinned version; empty for an agent without a package."""
        return self.package.version.partition("-linux-")[0] if self.package else ""


def read_agent(path: Path) -> AgentSpec:
    """One TOML file as an AgentSpec named after the file. Raises ConfigError with every problem and its line."""
    lock = lock_path(path)
    try:
        text = path.read_text(encoding="utf-8")
        lock_text = lock.read_text(encoding="utf-8") if lock.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    document = parse_toml("agent", text, str(path))
    if document.problems:
        raise ConfigError(*document.problems)
    return build(AgentSpec, {"name": path.stem, "lock": lock_text, **document.values})


def lock_path(path: Path) -> Path:
    """Where the lock of an agent's file stands."""
    return path.with_suffix(".lock")


def read_agents(folder: Path) -> Mapping[str, AgentSpec]:
    """Every TOML file of a folder, by name. Raises ConfigError with the problems of all files."""
    agents: dict[str, AgentSpec] = {}
    problems: list[Problem] = []
    for path in sorted(folder.glob("*.toml")):
        try:
            agents[path.stem] = read_agent(path)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(*problems)
    return MappingProxyType(agents)


@functools.cache
def load_agents() -> Mapping[str, AgentSpec]:
    """The agents that ship with the kit and the user's own, by name. Raises ConfigError."""
    own = _own_folder()
    return MappingProxyType({**read_agents(FOLDER), **(read_agents(own) if own else {})})


def _own_folder() -> Path | None:
    """The folder of the user's own agents; None without one. Raises ConfigError for one that cannot be listed."""
    text = os.environ.get(FOLDER_VARIABLE)
    if not text:
        return None
    try:
        os.listdir(text)
    except OSError as error:
        message = f"{FOLDER_VARIABLE}: {text}: cannot be read: {error.strerror}"
        raise ConfigError(message, fix=f"name a folder with agents, or unset {FOLDER_VARIABLE}") from error
    return Path(text)


def agent_path(name: str) -> Path:
    """The file of an agent. Raises ConfigError for an unknown one."""
    get_agent(name)
    own = (_own_folder() or FOLDER) / f"{name}.toml"
    return own if own.exists() else FOLDER / f"{name}.toml"


def get_agent(name: str) -> AgentSpec:
    """The agent of that name. Raises ConfigError that lists the known ones and suggests the nearest."""
    agents = load_agents()
    if name not in agents:
        raise ConfigError(f"unknown agent {name!r}; known: {', '.join(agents)}", fix=suggestion(name, agents))
    return agents[name]


def fill(text: str, values: Mapping[str, str]) -> str:
    """A string of an agent's file with its placeholders replaced, once: a prompt may contain such words itself."""
    return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], match[0]), text)
