"""The limits of agents: what a replication takes of them, and what a trial beyond them is called."""

from dataclasses import replace

import pytest

from harness.bundle import ReadLimits, SourceReader, open_source
from harness.files import build
from harness.tasks import find_fixtures
from harness.types import AgentLimits, AgentWork, Result, SequentialDesign
from harness.verify.agent_limits import check_agent_limits, reduced_limits, smaller_limits
from harness.verify.evidence import Evidence
from tests.bundle import good_bundle


def findings(
    limits: AgentLimits, *, at_once: bool = False, design: SequentialDesign | None = None
) -> list[tuple[str, str]]:
    """Severity and message for a trial of two requests with these limits, one after the other or `at_once`."""
    result = build(Result, good_bundle().result)
    (first, *_), second = result.trials[0].turns, result.trials[1]
    if at_once:
        first = replace(first, started_ns=(second.turns[0].started_ns or 0) - 1)
    work = AgentWork("exited", 0, "", 0.1, 0, 0, (), limits)
    trial = replace(second, turns=(first, *second.turns), work=work)
    source, _ = open_source(find_fixtures(), ReadLimits())
    assert source is not None
    result = replace(result, run=replace(result.run, design=design), trials=(trial,))
    evidence = Evidence(SourceReader("x", source, ReadLimits()), {}, result, {})
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


def test_requests_that_are_open_at_the_same_time_exceed_no_limit_of_tokens() -> None:
    """The tokens of a reply count when it has ended: all that were admitted before that may go on."""
    assert findings(AgentLimits(tokens=1), at_once=True) == []


def test_no_agent_has_a_longer_clock_than_the_time_of_its_run() -> None:
    design = SequentialDesign((5,), 100.0, (), 1, 0.05)
    assert findings(AgentLimits(clock_s=104.0), design=design) == []
    ((severity, message),) = findings(AgentLimits(clock_s=106.0), design=design)
    assert severity == "error"
    assert message.endswith("has a clock of 106 s, the run has 105 s in all")
