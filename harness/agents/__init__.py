"""Coding agents that drive a model: one TOML file each, installed into an image, run in a container without a network.

`load_agents` reads the files, `install_agent` keeps a package as an image, `run_agent` runs an `AgentJob` and gives an
`AgentRun`, `check_agent` proves an agent against a scripted server, `lock_agent` pins what its package consists of.
The agent's requests go through forwarder.py in its container, tunnel.py on the host, and the recording proxy.
"""

from harness.agents.catalog import AgentPackage, AgentSpec, get_agent, load_agents, read_agent, read_agents
from harness.agents.check import AgentCheck, AgentFinding, check_agent
from harness.agents.contenders import agent_tokens, contenders, require_installed
from harness.agents.image import install_agent, installed_image, ready_image
from harness.agents.job import AgentJob, AgentRun, RefusedConnections
from harness.agents.packages import lock_agent
from harness.agents.run_agent import run_agent

__all__ = [
    "AgentCheck",
    "AgentFinding",
    "AgentJob",
    "AgentPackage",
    "AgentRun",
    "AgentSpec",
    "RefusedConnections",
    "agent_tokens",
    "check_agent",
    "contenders",
    "get_agent",
    "install_agent",
    "installed_image",
    "load_agents",
    "lock_agent",
    "read_agent",
    "read_agents",
    "ready_image",
    "require_installed",
    "run_agent",
]
