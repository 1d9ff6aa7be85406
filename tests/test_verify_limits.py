"""Where checking ends: README and `verify` say the same, and each forgery named there is really found by nothing."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from harness.cli.verification import render_limits
from harness.files import ROOT
from harness.verify import LIMITS, VerifyOptions, limits_line, verify
from tests.bundle import MODELS, Bundle, bundle_of, good_bundle, summarized, tasks, trusting, write_bundle
from tests.judged import judged_bundle
from tests.test_verify_command import run_verify


def _listed(path: Path, heading: str) -> dict[str, str]:
    section = path.read_text(encoding="utf-8").split(f"\n{heading}\n", 1)[1].split("\n## ", 1)[0]
    found = re.findall(r"^- \*\*(.+?)\*\*: (.+?)\.$", re.sub(r"\n  +", " ", section), re.MULTILINE)
    return dict(found)


def test_readme_lists_where_checking_ends() -> None:
    assert _listed(ROOT / "README.md", "### Where checking ends") == LIMITS


def test_verify_says_it_in_one_line_with_the_way_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_verify(str(write_bundle(tmp_path / "bundle", good_bundle())), "--level", "schema") == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == render_limits()
    assert all(name in last for name in LIMITS)
    assert "replicated" in last
    assert "verify FILE --replicate 10 --config bench.toml" in last
    assert run_verify(str(tmp_path / "bundle"), "--level", "schema", "--json") == 0
    assert limits_line() not in capsys.readouterr().out


def _answers_of_the_solution() -> Bundle:
    """The sound bundle itself: its answers come from solution/, and its streams are made up."""
    return good_bundle()


def _repeated_until_it_passed() -> Bundle:
    """No trial failed: the stream of a right answer stands in the place of a wrong one, in a chain written anew."""
    bundle = bundle_of(MODELS[0], replace(MODELS[1], label="never-fails"))
    assert {trial["outcome"] for trial in bundle.result["trials"]} == {"passed"}
    return bundle


def _another_machine() -> Bundle:
    """A tuned or another machine, other weights and another server build under the same names."""
    bundle = good_bundle()
    bundle.result["host"] |= {"system_version": "26.0", "memory_bytes": 2**37, "power_source": "battery"}
    bundle.result["models"][0] |= {"server_version": "9.9", "facts": {"quantization": "Q2_K"}}
    return summarized(bundle)


FORGERIES = {
    "a server that knows the answers": _answers_of_the_solution,
    "a modified kit": _repeated_until_it_passed,
    "claims about hardware and weights": _another_machine,
    "invented votes": judged_bundle,
    "a run chosen from many": good_bundle,
}
"""A forgery of each kind. A run that was chosen is the run itself; nobody cast the votes of the judging."""


@pytest.mark.parametrize("name", sorted(LIMITS))
def test_no_check_finds_a_forgery_that_is_listed(name: str, tmp_path: Path) -> None:
    path = write_bundle(tmp_path / "bundle", FORGERIES[name]())
    options = VerifyOptions("rescored", strict=True, tasks=tasks(), open_sandbox=trusting)
    assert verify(path, options).exit_code == 0
