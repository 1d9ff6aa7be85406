"""The page without a browser: its structure, its policy, its packed data, and that what others wrote stays text."""

import base64
import hashlib
import json
import re
import shutil
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.cli.inputs import load_result
from harness.cli.page import evidence_of
from harness.errors import RunError
from harness.files import to_json
from harness.report import card_svg, draw_card, draw_charts, render_html
from harness.report.elements import Section
from harness.report.page.chart_rows import thinned
from harness.report.page.charts import CHARTS, charts_of
from harness.report.page.outline import PARTS, sections_by_part
from harness.report.page.payload import TEXT_LIMITS
from harness.report.sections import SECTIONS, sections_of
from harness.run import page_evidence
from harness.summarize import summarize
from harness.types import HIDDEN_INPUTS, Lane, PageEvidence, StreamPart
from tests.bundle import good_bundle, write_bundle
from tests.deep import deep
from tests.example import example_result, grown_result, texts, write_run
from tests.page_data import HOSTILE, page_data

VOID = {"meta", "line", "circle", "br", "hr", "img", "input", "link"}
LOADING = {"src", "srcset", "data", "action", "poster", "background", "formaction", "xlink:href", "style"}


class _Page(HTMLParser):
    """A page as a browser takes it apart; complains of tags that do not close."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.contents: list[tuple[str, dict[str, str | None], str]] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("script", "style"):
            self.contents.append((self.open[-1], self.tags[-1][1], data))
        else:
            self.text.append(data)

    def blocks(self) -> Mapping[str, Any]:
        """The packed data by id."""
        return {
            str(attrs["id"]): json.loads(zlib.decompress(base64.b64decode(text)))
            for tag, attrs, text in self.contents
            if tag == "script" and "id" in attrs
        }


@cache
def _hostile_html() -> str:
    return render_html(*page_data(2, 5, 2, hostile=HOSTILE))


@cache
def _hostile_page() -> _Page:
    return _Page(_hostile_html())


def test_the_page_runs_its_own_scripts_only_and_loads_nothing() -> None:
    page = _hostile_page()
    for tag, attrs in page.tags:
        assert tag not in {"link", "iframe", "object", "embed", "img", "base"}
        assert not LOADING & set(attrs)
        assert not [name for name in attrs if name.startswith("on")]
        assert (attrs.get("href") or "#").startswith("#")
    policy = next(attrs["content"] for tag, attrs in page.tags if attrs.get("http-equiv")) or ""
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    run = [text for tag, attrs, text in page.contents if tag == "style" or "id" not in attrs]
    digests = {f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}" for text in run}
    assert digests == set(re.findall(r"'(sha256-[^']+)'", policy))


def test_untrusted_text_stays_text_in_the_page() -> None:
    html, page = _hostile_html(), _hostile_page()
    assert "img" not in {tag for tag, _ in page.tags}
    assert "window.hacked" not in "".join(text for _, _, text in page.contents)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202a-\u202e]", html)
    assert any("<script>window.hacked = 1</script>" in text for text in page.text)


def test_packed_data_holds_no_control_or_direction_character() -> None:
    blocks = _hostile_page().blocks()
    trials = [block for name, block in blocks.items() if name != "data"]
    found = json.dumps(trials, ensure_ascii=False)
    assert "</script>" in found
    assert "\\\\u202e" in found
    assert "\u202e" not in found
    assert "\\\\u001b" in found


def test_every_link_of_the_page_has_a_target_and_every_id_is_unique() -> None:
    result, evidence = page_data(2, 5, 2)
    page = _Page(render_html(result, evidence))
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    cells = {f"{cell.task}/{cell.model}" for cell in result.cells}
    targets = {(attrs["href"] or "")[1:] for _, attrs in page.tags if "href" in attrs}
    assert targets <= set(ids) | cells
    assert cells <= targets


def test_rendering_the_page_is_deterministic() -> None:
    result, evidence = page_data(2, 4, 2)
    assert render_html(result, evidence) == render_html(result, evidence)


def test_the_parts_stand_in_order_and_every_section_belongs_to_one() -> None:
    result = example_result()
    html = render_html(result)
    places = [html.index(f'id="{part.key}"') for part in PARTS]
    assert places == sorted(places)
    held = [section.key for sections in sections_by_part(sections_of(result)).values() for section in sections]
    assert sorted(held) == sorted(section.key for section in sections_of(result))
    known = {make(result).key for make in SECTIONS}
    assert {key for part in PARTS for key in part.sections} <= known | {"lanes", "standing"}


def test_a_section_that_no_part_names_is_in_the_last_part() -> None:
    found = sections_by_part([Section("something-new", "Something new", "It is new.")])
    assert [section.key for section in found[PARTS[-1].key]] == ["something-new"]


def test_every_chart_has_a_table_with_its_rows() -> None:
    charts = charts_of(*page_data(3, 6, 2))
    assert {chart.kind.key for chart in charts} == {kind.key for kind in CHARTS}
    assert {kind.part for kind in CHARTS} <= {part.key for part in PARTS}
    for chart in charts:
        assert len(chart.table().rows) == len(chart.rows)
        assert "datasets" in chart.spec()


@deep
def test_every_chart_is_valid_vega_lite() -> None:
    import altair as alt
    from jsonschema import ValidationError

    specs = [json.loads(to_json(chart.spec())) for chart in charts_of(*page_data(3, 6, 2))]
    # Vega-Lite hands it on to Vega, and leaves it out of its schema.
    assert all(spec["config"]["legend"].pop("layout") for spec in specs)
    assert all(alt.Chart.from_dict(spec).to_dict(validate=False) for spec in specs)
    with pytest.raises(ValidationError):
        alt.Chart.from_dict({**specs[0], "layer": "none"})


def test_the_page_has_the_code_the_input_the_reasoning_and_the_stream_of_a_trial() -> None:
    blocks = _Page(render_html(*page_data(4, 4, 2))).blocks()
    trials = [trial for name, block in blocks.items() if name != "data" for rows in block.values() for trial in rows]
    failed = next(check for trial in trials for check in trial["checks"] if not check["passed"])
    assert json.loads(failed["input"])["call"] == "window"
    assert failed["expected"]
    assert all(trial["code"].startswith("def window") for trial in trials)
    assert all(turn["stream"][0][1] == "r" for trial in trials for turn in trial["turns"])
    assert any(turn["reasoning"] for trial in trials for turn in trial["turns"])


def test_a_failed_hidden_case_has_the_input_that_its_verdict_keeps() -> None:
    result, _ = page_data(1, 4, 3)
    trials = tuple(replace(trial, metrics={HIDDEN_INPUTS: {"case-1": {"args": [7]}}}) for trial in result.trials)
    blocks = _Page(render_html(replace(result, trials=trials))).blocks()
    failed = [
        check
        for name, block in blocks.items()
        for trials in block.values()
        for trial in (trials if name != "data" else ())
        for check in trial["checks"]
        if not check["passed"]
    ]
    assert {check["input"] for check in failed if check["name"] == "case-1"} == {'{"args": [7]}'}


def test_long_texts_are_cut_and_say_so() -> None:
    result, evidence = page_data(1, 4, 1)
    turn = replace(result.trials[0].turns[0], content="x" * 1_000_000)
    trials = (replace(result.trials[0], turns=(turn,)), *result.trials[1:])
    blocks = _Page(render_html(replace(result, trials=trials), evidence)).blocks()
    content = next(iter(blocks["block-0"].values()))[0]["turns"][0]["content"]
    assert content.startswith("x" * TEXT_LIMITS[0] + "\n[800,000 further characters")


def test_a_run_folder_adds_reasoning_and_streams_of_its_own_recordings(tmp_path: Any) -> None:
    folder, result = write_run(tmp_path / "run"), example_result()
    evidence = page_evidence(result, folder / "recordings.jsonl")
    assert len(evidence.trials) == len([trial for trial in result.trials if not trial.warmup])
    assert any(turn.reasoning for trial in evidence.trials.values() for turn in trial.turns)
    assert all(part.chars for trial in evidence.trials.values() for turn in trial.turns for part in turn.stream[1:])


def test_recordings_of_another_result_are_left_aside(tmp_path: Any) -> None:
    path = tmp_path / "recordings.jsonl"
    path.write_text(texts()["recordings.jsonl"] + "\n", encoding="utf-8")
    assert page_evidence(example_result(), path).trials == {}


def test_without_evidence_the_page_still_has_every_answer() -> None:
    blocks = _Page(render_html(example_result(), PageEvidence())).blocks()
    content = blocks["block-1"]["steady"][0]["turns"][0]["content"]
    assert content.startswith("Here it is.")


@pytest.mark.parametrize("level", ["consistent", "rescored"])
def test_the_card_has_the_answer_the_machine_and_the_level(level: str) -> None:
    result, _ = page_data(3, 8, 8)
    svg = card_svg(result, level)
    assert result.recommendations[0].lane in svg
    assert "Apple M4 Max, 64.0 GiB" in svg
    assert f"level: {level}" in svg
    assert 'width="1200" height="630"' in svg


@pytest.mark.parametrize(("trials", "note"), [(5, "5 of 5 passed"), (9, "100% passed")])
def test_the_card_counts_fewer_than_six_trials_and_gives_no_share_of_them(trials: int, note: str) -> None:
    lane = Lane("agents", {"code-refactor": 1.0}, min_pass_rate=0.1)
    result = summarize(replace(grown_result(trials, {"code-refactor": trials}), lanes=(lane,)))
    assert result.recommendations[0].model == "steady"
    assert note in card_svg(result, "consistent")


def test_the_card_says_that_an_answer_is_leaning() -> None:
    lane = Lane("daily coding", {"code-bugfix": 1.0, "code-refactor": 1.0}, min_pass_rate=0.6)
    result = summarize(replace(example_result(), lanes=(lane,)))
    assert result.recommendations[0].confidence == "tentative"
    assert ">daily coding: leaning<" in card_svg(result, "consistent")
    decided = summarize(replace(example_result(), lanes=(replace(lane, min_pass_rate=0.1),)))
    assert "leaning" not in card_svg(decided, "consistent")


def test_pictures_are_png_and_svg_without_variables() -> None:
    result, evidence = page_data(2, 4, 2)
    assert draw_card(result, "consistent").startswith(b"\x89PNG")
    pictures = draw_charts(result, evidence, "svg")
    assert set(pictures) == {f"{chart.kind.key}.svg" for chart in charts_of(result, evidence)}
    assert all(picture.startswith(b"<svg") and b"var(--" not in picture for picture in pictures.values())


def test_a_published_bundle_shows_what_its_folder_shows_and_a_lone_result_less(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "run", good_bundle())
    archive = Path(shutil.make_archive(str(tmp_path / "run"), "zip", folder))
    result = load_result(folder, [])
    of_folder, of_archive = evidence_of(result, folder, ()), evidence_of(result, archive, ())
    assert of_folder.trials
    assert of_archive == of_folder
    assert not evidence_of(result, folder / "result.json", ()).trials
    archive.write_bytes(_with_damaged_recordings(archive))
    with pytest.raises(RunError, match=r"recordings\.jsonl cannot be read"):
        evidence_of(result, archive, ())


def _with_damaged_recordings(archive: Path) -> bytes:
    data = bytearray(archive.read_bytes())
    with zipfile.ZipFile(archive) as opened:
        member = opened.getinfo("recordings.jsonl")
    middle = member.header_offset + member.compress_size // 2
    data[middle : middle + 64] = bytes(64)
    return bytes(data)


def test_a_printed_page_is_the_written_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = write_bundle(tmp_path / "bundle", good_bundle())
    assert main(["report", str(bundle), "--format", "html"]) == 0
    printed = capsys.readouterr().out
    assert main(["report", str(bundle), "--format", "html", "--output", str(tmp_path / "page.html")]) == 0
    assert printed == (tmp_path / "page.html").read_text(encoding="utf-8")


def test_a_page_of_a_lone_result_says_how_far_it_was_verified(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = write_bundle(tmp_path / "bundle", good_bundle())
    assert main(["report", str(bundle / "result.json"), "--format", "html"]) == 0
    states = [attrs["data-state"] for _, attrs in _Page(capsys.readouterr().out).tags if "data-state" in attrs]
    assert states[-6:] == [*["reached"] * 3, *["not asked for"] * 3]
    states = [attrs["data-state"] for _, attrs in _Page(render_html(example_result())).tags if "data-state" in attrs]
    assert states[-6:] == ["not checked yet"] * 6


def test_a_lane_without_a_task_is_named_and_has_no_card() -> None:
    result, evidence = page_data(2, 5, 2)
    lanes = (*result.lanes, replace(result.lanes[0], name="painting", tasks={}))
    page = _Page(render_html(summarize(replace(result, lanes=lanes)), evidence))
    assert "painting" not in {attrs.get("data-lane") for _, attrs in page.tags}
    assert any("No task of this suite belongs to: painting." in text for text in page.text)


def test_a_stream_is_thinned_by_channel_and_nothing_is_drawn_before_it_came() -> None:
    content = [StreamPart(1_000_000_000 + 10_000_000 * at, "content", 1) for at in range(1_001)]
    parts = list(thinned([StreamPart(0, "role", 0), *content], 400))
    assert parts[:2] == [StreamPart(0, "role", 0), content[0]]
    assert {part.channel for part in parts[1:]} == {"content"}
    assert sum(part.chars for part in parts) == 1_001
    assert parts[-1].at_ns == content[-1].at_ns
    assert len(parts) < 400
    mixed = [StreamPart(at, "content" if at % 2 else "tool", 1) for at in range(1_000)]
    assert {part.channel: part.chars for part in list(thinned(mixed, 100))[-2:]} == {"content": 5, "tool": 5}


def test_a_long_answer_fits_the_card() -> None:
    result, _ = page_data(2, 5, 8)
    models = tuple(replace(model, label=f"{'wide-model-name-' * 4}{at}") for at, model in enumerate(result.models))
    names = dict(zip([model.label for model in result.models], [model.label for model in models], strict=True))
    trials = tuple(replace(trial, model=names[trial.model]) for trial in result.trials)
    svg = card_svg(summarize(replace(result, models=models, trials=trials)), "consistent")
    for size, text in re.findall(r'font-size="(\d+)" font-weight="700" fill="#(?:1b1d21|5b6068)">([^<]*)<', svg):
        assert int(size) * len(text) * 0.6 <= 1060


def test_a_page_of_three_trials_gives_counts_and_no_interval_of_a_pass_rate() -> None:
    page = _Page(render_html(*page_data(2, 2, 3)))
    data = page.blocks()["data"]
    assert not [text for text in page.text if re.search(r"pass rate[^.;]*95 % interval", text)]
    assert page.text.count("3 of 3") >= 6
    assert {model["rate_text"] for model in data["lanes"][0]["models"]} == {"passed 3 of 3"}
    assert {(row["low"], row["high"]) for row in data["charts"]["differences"]["rows"]} == {(None, None)}
    assert "interval" not in "".join(pair["text"] for pair in data["lanes"][0]["pairs"] if pair["criterion"][0] == "p")
