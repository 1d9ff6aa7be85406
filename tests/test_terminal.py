"""No string of a foreign file reaches the terminal as it is, whichever command prints it, in JSON neither."""

import json
import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.cli import main
from harness.cli.console import log, print_problem, show, show_progress
from harness.errors import Problem
from harness.report import plain_lines, plain_text
from harness.types import Json
from tests.bundle import Bundle, good_bundle, later, summarized, write_bundle, write_result, write_run

FLOOD = "o" + "\u0301" * 100
HOSTILE = f"\x1b[2J\x9b31m\x07\r\u202eevil\u2066\u2028{FLOOD}\U000e0041[red]:skull:"
CONTROLS = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\U000e0000-\U000e007f]"
)


def _is_harmless(text: str) -> bool:
    floods = "".join("m" if unicodedata.combining(char) else "." for char in text)
    return CONTROLS.search(text) is None and "m" * 5 not in floods


def _with_hostile_strings(result: Json) -> None:
    """In every part of a result in which a string is free and no check compares it with another."""
    result["host"] |= {"chip": HOSTILE, "system": HOSTILE, "system_version": HOSTILE, "power_source": HOSTILE}
    result["sandbox"] |= {"engine": HOSTILE, "engine_version": HOSTILE, "image": HOSTILE}
    for model in result["models"]:
        model |= {"server_version": HOSTILE, "model": HOSTILE, "facts": {"quantization": HOSTILE, HOSTILE: HOSTILE}}
    for lane in result["lanes"]:
        lane["override"]["reason"] = HOSTILE
    for trial in result["trials"]:
        for check in trial["checks"]:
            check |= {"name": HOSTILE, "expected": HOSTILE, "observed": {HOSTILE: [HOSTILE]}, "note": HOSTILE}


def _with_hostile_errors(result: Json) -> None:
    """Where checks quote what they find."""
    _with_hostile_strings(result)
    result["run"]["suite"] = HOSTILE
    result[HOSTILE] = HOSTILE


def _bundle(edit: Callable[[Json], None], bundle: Bundle, *, derive: bool = True) -> Bundle:
    edit(bundle.result)
    return summarized(bundle) if derive else bundle


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("hostile")
    sound, key = _bundle(_with_hostile_strings, good_bundle()), json.dumps(HOSTILE)
    other = later(sound, 1)
    other.result["host"]["chip"] += "2"
    return {
        "result": str(write_result(folder / "result.json", sound)),
        "later": str(write_result(folder / "later.json", other)),
        "bundle": str(write_bundle(folder / f"bundle{HOSTILE}", sound)),
        "run": str(write_run(folder / "run", _bundle(_with_hostile_strings, good_bundle()))),
        "wrong": str(write_result(folder / "wrong.json", _bundle(_with_hostile_errors, good_bundle(), derive=False))),
        "text": str(_written(folder / "text.json", f"{{{key}: 1, {key}: 2}}")),
    }


def _written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    return path


COMMANDS = (
    "verify --level reread {result} {bundle} {run} {wrong} {text}",
    "verify --level reread --json {result} {bundle} {run} {wrong} {text}",
    "report {result}",
    "report {result} --format github",
    "report {result} --format html",
    "report {bundle}",
    "report {wrong}",
    "report {text}",
    "compare {result} {later}",
    "compare {result} {later} --format github",
    "compare {result} {later} --format json",
    "compare {wrong} {text}",
    "compare {result} {result}",
    "lanes {result}",
    "lanes {run} --choose {bundle}={bundle} --reason x",
    "lanes {wrong}",
    "publish {run}",
    "publish {bundle} --supersedes {text} --reason long-enough-to-be-one",
    "score {run}",
    "record --resume {run} --dry-run",
)


@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_prints_no_foreign_string_as_it_is(
    words: str, paths: dict[str, str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    arguments = [word.format_map(paths) for word in words.split()]
    output = ["--output", str(tmp_path)] if arguments[0] == "publish" else []
    main([*arguments, *output])
    shown = capsys.readouterr()
    assert shown.out or shown.err
    assert _is_harmless(shown.out)
    assert _is_harmless(shown.err)


def test_escaped_json_is_the_same_json(paths: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    main(["verify", "--json", "--level", "schema", paths["bundle"]])
    (verdict,) = json.loads(capsys.readouterr().out)
    assert verdict["source"] == paths["bundle"]


@pytest.mark.parametrize("text", [HOSTILE, FLOOD, "\ud800", "\x85", "a\tb", "\ufeff"])
def test_whatever_prints_a_line_escapes_it(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    log(text)
    show(text)
    print_problem(Problem(text, text))
    with show_progress() as progress:
        progress("record", 0, 1, text)
    shown = capsys.readouterr()
    assert _is_harmless(shown.out)
    assert _is_harmless(shown.err)
    assert json.loads(f'"{plain_text(text)}"') == text


def test_text_that_people_write_stays_as_it_is() -> None:
    for text in ("naïve 模型 🚀", "Tiếng Việt", "e\u0301a\u0323\u0302", "שָׁלוֹם", "ภาษาไทย", "हिन्दी"):
        assert plain_text(text) == text
    assert plain_lines("a\nb") == "a\nb"
    assert plain_text("a\nb") == "a\\u000ab"


def test_further_lines_of_a_problem_cannot_pose_as_another(capsys: pytest.CaptureFixture[str]) -> None:
    print_problem(Problem("one\nfix   rm -rf ~", "two\nerror three"))
    lines = capsys.readouterr().err.splitlines()
    assert [line[:6] for line in lines] == ["error ", "      ", "fix   ", "      "]


def test_a_long_foreign_string_is_cut_in_a_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = good_bundle()
    bundle.result["run"]["suite"] = "x" * 1_000_000
    main(["verify", str(write_bundle(tmp_path / "bundle", replace(bundle))), "--level", "consistent"])
    assert len(capsys.readouterr().out) < 20_000
