"""The agents' files, and the frames between a container and the host."""

from pathlib import Path

import pytest

from harness.agents import load_agents, read_agent
from harness.agents.catalog import fill
from harness.agents.forwarder import DATA, FrameReader, pack_frame
from harness.agents.gate import Gate
from harness.errors import ConfigError
from harness.proxy import RequestHead
from harness.proxy.bodies import SizedBody
from harness.types import AgentLimits


def test_seven_agents_ship_and_each_names_its_version_and_digest() -> None:
    agents = load_agents()
    expected = ["aider", "claude-code", "codex", "mini-swe-agent", "opencode", "pi", "qwen-code"]
    assert sorted(agents) == expected
    assert all(agent.version and agent.package and agent.package.digests for agent in agents.values())


def test_a_file_with_an_unknown_field_or_a_wrong_digest_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text('title = "X"\napi = "chat"\ncommand = ["x"]\nbudget = 3\n')
    with pytest.raises(ConfigError, match=r"x\.toml.*4.*budget|budget"):
        read_agent(path)


def test_placeholders_are_replaced_once() -> None:
    assert fill("{prompt} {model} {other}", {"prompt": "{model}", "model": "m"}) == "{model} m {other}"


@pytest.mark.parametrize("size", [1, 5, 64])
def test_frames_are_read_however_they_are_cut_and_noise_is_none(size: int) -> None:
    stream, reader = pack_frame(DATA, 7, b"abc") + pack_frame(DATA, 8), FrameReader()
    pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
    assert [frame for piece in pieces for frame in reader.feed(piece)] == [(DATA, 7, b"abc"), (DATA, 8, b"")]
    with pytest.raises(ValueError, match="not a frame"):
        list(FrameReader().feed(b"\xff" * 20))


@pytest.mark.parametrize(
    ("body", "admitted"),
    [
        ('{"model": "m", "messages": [{"model": "other"}]}', True),
        ('{"model": "other"}', False),
        ('{"model": "m", "model": "other"}', False),
        ('{"model": "other", "model": "m"}', False),
        ('{"model": "m", "Model": "other"}', False),
        ('{"MODEL": "m"}', False),
        ('[["model", "m"]]', False),
        ("[" * 100_000, False),
        ("no JSON", False),
    ],
)
def test_a_request_passes_only_if_every_parser_reads_the_trials_model_in_it(body: str, admitted: bool) -> None:
    gate = Gate("chat", "m", "/v1", AgentLimits(), lambda end: None)
    head = RequestHead("POST", "/v1/chat/completions", (), b"", SizedBody(0), persistent=False, upgrade=None)
    assert (gate.admit(head, body.encode()) is None, gate.turns, gate.refused) == (admitted, admitted, not admitted)
