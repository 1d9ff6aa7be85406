"""Recorded sessions of an agent: what they cost, and why a server's prefix cache did not hold.

`requests_of` reads a session's requests, `diagnose` is the cache doctor, `summarize_session` the cost; `render_cache`,
`render_cost` and `render_page` show both. cures.toml has what is known to help against each cause.
"""

from harness.session.agent_session import summarize_trial
from harness.session.atif import trajectory_name, write_trajectory
from harness.session.cost import SessionCost, summarize_session
from harness.session.cures import Cure, find_cures, load_cures
from harness.session.diagnosis import CacheReport, CacheVerdict, describe_prefix_change, diagnose
from harness.session.page import render_page
from harness.session.rendered import Renderer
from harness.session.requests import SessionRequest, SourceRecording, requests_of, sources_of_exchanges
from harness.session.text import render_cache, render_cost

__all__ = [
    "CacheReport",
    "CacheVerdict",
    "Cure",
    "Renderer",
    "SessionCost",
    "SessionRequest",
    "SourceRecording",
    "describe_prefix_change",
    "diagnose",
    "find_cures",
    "load_cures",
    "render_cache",
    "render_cost",
    "render_page",
    "requests_of",
    "sources_of_exchanges",
    "summarize_session",
    "summarize_trial",
    "trajectory_name",
    "write_trajectory",
]
