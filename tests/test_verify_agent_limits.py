"""The limits of agents: what a replication takes of them, and what a trial beyond them is called."""

from dataclasses import replace

import pytest

from harness.bundle import ReadLimits, SourceReader, open_source
from harness.files import build
from harness.tasks import find_fixtures
from harness.types import AgentLimits, AgentWork, Result
from harness.verify.agent_limits import check_agent_limits, reduced_limits, smaller_limits
from harness.verify.evidence import Evidence
from tests.bundle import good_bundle


def findings(limits: AgentLimits) -> list[tuple[str, str]]:
    """Severity and message for a trial of two requests, one after the other, with these limits."""
    result = build(Result, good_bundle().result)
    (first, *_), second = result.trials[0].turns, result.trials[1]
    work = AgentWork("exited", 0, "", 0.1, 0, 0, (), limits)
    trial = replace(second, turns=(first, *second.turns), work=work)
    source, _ = open_source(find_fixtures(), ReadLimits())
    assert source is not None
    evidence = Evidence(SourceReader("x", source, ReadLimits()), {}, replace(result, trials=(trial,)), {})
    return [(each.severity, each.message) for each in check_agent_limits(evidence)]


def test_a_replication_takes_the_smaller_one_of_each_limit_and_names_those_that_were_reduced() -> None:
    stated = AgentLimits(clock_s=1e9, turns=3, context_tokens=10**6, memory_bytes=2**50, cpus=1000.0)
    assert smaller_limits(stated, AgentLimits()) == AgentLimits(turns=3, context_tokens=10**6)
    assert reduced_limits(stated, AgentLimits()) == ["clock_s", "memory_bytes", "cpus"]
    assert reduced_limits(stated, stated) == []


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (AgentLimits(), []),
        (AgentLimits(turns=1), [("error", "has 2 requests, its limit is 1")]),
        (AgentLimits(tokens=1), [("warning", "went on after")]),
    ],
)
def test_a_trial_beyond_its_limits_is_told(limits: AgentLimits, expected: list[tuple[str, str]]) -> None:
    found = findings(limits)
    assert [severity for severity, _ in found] == [severity for severity, _ in expected]
    assert all(text in message for (_, message), (_, text) in zip(found, expected, strict=True))
