"""Results in forms of others: each is held to the published description of its form, and hostile names stay text."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from harness.bundle import FORMS, write_form
from harness.cli.publish import FORM_NAMES
from harness.files import build, from_json
from harness.summarize import summarize
from harness.types import Look, Result, Usage
from tests.bundle import good_bundle

SVG = "{http://www.w3.org/2000/svg}"
LLAMA_BENCH = ["model", "size", "params", "backend", "test", "t/s"]
"""Columns of the table that llama-bench prints (its README); those that no server tells are left out."""


@pytest.fixture(scope="module")
def result() -> Result:
    return build(Result, good_bundle().result)


def _texts(name: str, result: Result, folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text("utf-8") for path in write_form(name, result, folder)}


def test_the_command_offers_every_form() -> None:
    assert tuple(FORMS) == FORM_NAMES


def test_the_hub_gets_a_file_for_each_model_with_an_entry_for_each_scored_task(result: Result, tmp_path: Path) -> None:
    texts = _texts("eval-results", result, tmp_path)
    assert list(texts) == [f".eval_results/20261123-100000-002a-{label}.yaml" for label in ("alpha", "beta")]
    lines = texts[".eval_results/20261123-100000-002a-beta.yaml"].splitlines()
    assert lines[:3] == ["- dataset:", '    id: "lanebench/lanebench"', '    task_id: "code-bugfix"']
    fields = dict(line.strip().split(": ", 1) for line in lines[3:])
    assert {name: from_json(value) for name, value in fields.items()} == {
        "value": 66.67,
        "date": "2026-11-23T10:00:00.000+00:00",
        "notes": "passed 2 of 3 trials; vllm 1.2.3; thinking on; Apple M4 Max, 64.0 GiB; task "
        f"{result.tasks[0].sha256[:12]}; run 20261123-100000-002a",
    }


def test_the_table_has_the_columns_of_llama_bench_and_mean_and_deviation(result: Result, tmp_path: Path) -> None:
    (text,) = _texts("llama-bench", result, tmp_path).values()
    table = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    assert [header.strip() for header in table[0]] == LLAMA_BENCH
    decode = result.summaries[1].decode_tps
    assert decode is not None
    assert decode.variance is not None
    assert table[-1][0].strip() == "beta-30b-a3b"
    assert table[-1][2].strip() == "30.00 B"
    assert table[-1][-1].strip() == f"{decode.mean:.2f} ± {decode.variance**0.5:.2f}"


def test_a_badge_is_a_small_picture_that_says_lane_and_model(result: Result, tmp_path: Path) -> None:
    (text,) = _texts("badge", result, tmp_path).values()
    picture = ET.fromstring(text)
    said = [element.text for element in picture.iter(f"{SVG}text")]
    answer = next(each for each in result.recommendations if each.lane == "my coding")
    assert said[0] == "my coding"
    assert (answer.model, said[1]) == ("alpha", "alpha, passed 3 of 3")
    assert picture.get("height") == "20"


def test_a_badge_has_the_interval_and_the_number_of_trials_however_long_its_model_is_called(
    result: Result, tmp_path: Path
) -> None:
    label = "a" * 60
    cells = [
        replace(cell, model=label, pass_rate=replace(cell.pass_rate, n=40, passed=37))
        if cell.model == "alpha"
        else cell
        for cell in result.cells
    ]
    (found,) = result.recommendations
    of_alpha = next(each for each in found.eligibilities if each.model == "alpha")
    renamed = replace(of_alpha, model=label, rate=0.925, low=0.801, high=0.974)
    many = replace(
        result,
        models=tuple(replace(each, label=label) if each.label == "alpha" else each for each in result.models),
        cells=tuple(cells),
        recommendations=(replace(found, model=label, eligibilities=(renamed,)),),
    )
    (text,) = _texts("badge", many, tmp_path).values()
    said = [element.text for element in ET.fromstring(text).iter(f"{SVG}text")]
    assert said[1] == f"{'a' * 24}\u2026, 92 % (80 to 97 %) of 40 trials"


ALIKE = ("qwen:8b", "qwen-8b", "qwen+8b", "a" * 64, "a" * 63 + "b")


@pytest.mark.parametrize("form", ["eee", "eval-results"])
def test_labels_that_look_alike_have_files_of_their_own(form: str, result: Result, tmp_path: Path) -> None:
    """The results of one model id under several labels, which differ in what a file name lacks."""
    (first, *_), trials = result.models, [trial for trial in result.trials if trial.model == "alpha"]
    alike = replace(
        result,
        models=tuple(replace(first, label=label) for label in ALIKE),
        trials=tuple(replace(trial, model=label) for label in ALIKE for trial in trials),
        lanes=(),
    )
    texts = _texts(form, summarize(alike), tmp_path)
    assert len(texts) == len(ALIKE) * (2 if form == "eee" else 1)
    assert any(Path(name).stem.endswith("-qwen-8b") for name in texts)
    if form == "eee":
        documents = [from_json(text) for name, text in texts.items() if name.endswith(".json")]
        assert {each["model_info"]["name"] for each in documents} == set(ALIKE)
        assert len({each["evaluation_id"] for each in documents}) == len(ALIKE)


@pytest.mark.parametrize("form", ["eee", "llama-bench"])
def test_trials_of_a_block_in_which_the_time_ran_out_are_no_part_of_a_form(
    form: str, result: Result, tmp_path: Path
) -> None:
    late = [
        replace(trial, turns=tuple(replace(turn, usage=Usage(400, 9999)) for turn in trial.turns))
        if trial.trial
        else trial
        for trial in result.trials
    ]
    run = replace(result.run, looks=(Look(1, (), "budget", 5.0),))
    cut = summarize(replace(result, trials=tuple(late), run=run))
    whole = summarize(replace(cut, trials=cut.counted_trials))
    assert [trial.trial for trial in whole.trials] == [0, 0, 0, 0]
    assert _texts(form, cut, tmp_path / "cut") == _texts(form, whole, tmp_path / "whole")


def test_lanes_that_look_alike_have_badges_of_their_own(result: Result, tmp_path: Path) -> None:
    names = ("my coding", "my-coding")
    (lane,), (found,) = result.lanes, result.recommendations
    alike = replace(
        result,
        lanes=tuple(replace(lane, name=name) for name in names),
        recommendations=tuple(replace(found, lane=name) for name in names),
    )
    assert len(_texts("badge", alike, tmp_path)) == 2


@pytest.mark.parametrize(("version", "expected"), [("15.2", "macOS 15.2"), (None, "macOS")])
def test_the_table_names_the_system_and_its_version_if_it_is_known(
    version: str | None, expected: str, result: Result, tmp_path: Path
) -> None:
    host = replace(result.host, system="macOS", system_version=version)
    (text,) = _texts("llama-bench", replace(result, host=host), tmp_path).values()
    assert text.splitlines()[0].endswith(f", {expected}")


@pytest.mark.parametrize("form", ["llama-bench", "badge"])
def test_a_hostile_name_stays_text(form: str, result: Result, tmp_path: Path) -> None:
    name = 'x|y</text><script>alert(1)</script>"[a](b)' + "z" * 500
    lane = replace(result.lanes[0], name=name)
    hostile = replace(
        result,
        models=tuple(replace(model, model=name) for model in result.models),
        lanes=(lane,),
        recommendations=tuple(replace(each, lane=name) for each in result.recommendations),
    )
    (text,) = _texts(form, hostile, tmp_path).values()
    assert "<script>" not in text
    if form == "llama-bench":
        assert "x&#124;y" in text
    else:
        assert len(ET.fromstring(text)[0].text or "") < 150
