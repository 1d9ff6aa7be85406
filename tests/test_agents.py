"""The agents' files, and the archives that come out of a container."""

import io
import tarfile
from pathlib import Path

import pytest

from harness.agents import load_agents, read_agent
from harness.agents.archive import pack_tree, unpack_tree
from harness.agents.catalog import fill
from harness.agents.forwarder import DATA, FrameReader, pack_frame
from harness.errors import ConfigError
from harness.types import TreeFile


def _entry(name: str, **fields: object) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(entry, field, value)
    return entry


def _archive(*entries: tarfile.TarInfo) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for entry in entries:
            tar.addfile(entry, io.BytesIO(bytes(entry.size)))
    return archive.getvalue()


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


def test_a_tree_survives_its_archive() -> None:
    tree = {"a/b.py": TreeFile(b"x" * 600), "run": TreeFile(b"", 0o755)}
    assert unpack_tree(pack_tree(tree)) == (tree, ())


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (_entry("/etc/passwd"), "relative"),
        (_entry("../up"), "relative"),
        (_entry("a/../../up"), "relative"),
        (_entry("link", type=tarfile.SYMTYPE, linkname="/etc/passwd"), "symbolic link"),
        (_entry("hard", type=tarfile.LNKTYPE, linkname="kept"), "hard link"),
        (_entry("dev", type=tarfile.CHRTYPE), "device"),
        (_entry("pipe", type=tarfile.FIFOTYPE), "pipe"),
        (_entry("bad\nname"), "printed"),
        (_entry("kept"), "second entry"),
        (_entry("kept/below"), "second entry"),
    ],
)
def test_an_entry_that_is_no_plain_file_inside_the_tree_is_refused(entry: tarfile.TarInfo, reason: str) -> None:
    tree, refused = unpack_tree(_archive(_entry("kept", size=3), entry))
    assert tree == {"kept": TreeFile(bytes(3))}
    assert len(refused) == 1
    assert reason in refused[0].reason


def test_an_archive_that_claims_more_than_it_has_is_cut_short() -> None:
    head = _entry("huge", size=10 * 1024**3).tobuf()
    tree, refused = unpack_tree(_archive(_entry("kept"))[:512] + head)
    assert list(tree) == ["kept"]
    assert refused


@pytest.mark.parametrize("size", [1, 5, 64])
def test_frames_are_read_however_they_are_cut_and_noise_is_none(size: int) -> None:
    stream, reader = pack_frame(DATA, 7, b"abc") + pack_frame(DATA, 8), FrameReader()
    pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
    assert [frame for piece in pieces for frame in reader.feed(piece)] == [(DATA, 7, b"abc"), (DATA, 8, b"")]
    with pytest.raises(ValueError, match="not a frame"):
        list(FrameReader().feed(b"\xff" * 20))
