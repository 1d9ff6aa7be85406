"""The charts and the answer as pictures: `draw_charts` gives PNG or SVG of each chart, `draw_card` one for a post.

They need the optional group `page` (altair and vl-convert). Colors are those of the page in light mode.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from harness.errors import RunError
from harness.report.answers import LaneAnswer, lane_answers
from harness.report.formatting import format_machine, format_percent
from harness.report.html_templates import html_environment
from harness.report.page.charts import PageChart, charts_of
from harness.report.page.first_view import STATE_WORDS
from harness.report.page.scripts import CHART_PACKAGES, asset, has_chart_library
from harness.types import MIN_TRIALS, Json, PageEvidence, Result

CARD_TEMPLATE = "page/card.svg.j2"
WIDTH, SCALE = 900, 2.0
MAX_LANES, MAX_NAME_CHARS = 3, 40
TEXT_PX, NOTE_PX = 1060, 250
"""The width of a line on the card, and what the note at its end takes of it."""
CHAR_SHARE = 0.6
"""The mean width of a bold character, as a share of the font size."""
_COLOR = re.compile(r"--([\w-]+): (#[0-9a-f]+)")
_VARIABLE = re.compile(r"var\(--([\w-]+)\)")
FileFormat = Literal["png", "svg"]


def draw_charts(result: Result, evidence: PageEvidence, file_format: FileFormat) -> Mapping[str, bytes]:
    """File name -> picture, of every chart that has rows. Raises RunError without the packages."""
    _require_packages()
    import vl_convert

    pictures = {}
    for chart in charts_of(result, evidence):
        spec = _printable(chart)
        if file_format == "png":
            picture = vl_convert.vegalite_to_png(spec, scale=SCALE)
        else:
            picture = vl_convert.vegalite_to_svg(spec).encode()
        pictures[f"{chart.kind.key}.{file_format}"] = picture
    return pictures


def _require_packages() -> None:
    if not has_chart_library():
        names = " and ".join(CHART_PACKAGES)
        raise RunError(f"pictures need {names}", fix="install the optional group `page`: pip install lanebench[page]")


def _printable(chart: PageChart) -> dict[str, Json]:
    """The specification with a width, a title, a white ground and colors instead of the page's variables."""
    colors = _light_colors()
    text = json.dumps({**chart.spec(), "width": WIDTH, "autosize": "pad"})
    spec: dict[str, Json] = json.loads(_VARIABLE.sub(lambda match: colors[match[1]], text))
    choice = f", {chart.kind.choice} {chart.choices[0]}" if chart.kind.choice else ""
    title = {"text": chart.kind.title + choice, "anchor": "start", "fontSize": 16, "offset": 14}
    return {**spec, "title": title, "background": "#ffffff", "padding": 18}


def _light_colors() -> dict[str, str]:
    """The variables of the style sheet; the first declaration of each is that of light mode."""
    colors: dict[str, str] = {}
    for name, value in _COLOR.findall(asset("page.css")):
        colors.setdefault(name, value)
    return colors


@dataclass(frozen=True, slots=True)
class CardLine:
    """One lane on the card, at a height; `note` is the share that the model passed of the lane's trials.

    `lane` is its name, with the word for an answer that is not certain.
    """

    y: int
    size: int
    lane: str
    answer: str
    note: str
    decided: bool


def draw_card(result: Result, level: str) -> bytes:
    """The answer as a PNG of 1200 x 630; `level` is how far the result was verified. Raises RunError."""
    _require_packages()
    import vl_convert

    return bytes(vl_convert.svg_to_png(card_svg(result, level)))


def card_svg(result: Result, level: str) -> str:
    """The card as SVG."""
    lanes = [answer for answer in lane_answers(result) if answer.state != "no_task"][:MAX_LANES]
    step = 390 // max(1, len(lanes))
    host, run = result.host, result.run
    return (
        html_environment()
        .get_template(CARD_TEMPLATE)
        .render(
            lines=[_line(result, answer, 150 + at * step, min(76, step - 72)) for at, answer in enumerate(lanes)],
            machine=_shorten(format_machine(host)),
            facts=f"{len(result.models)} models, {len(result.tasks)} tasks, {run.trials_words}, {run.started_at[:10]}",
            level=level,
            simulated=run.simulated or any(model.simulated for model in result.models),
        )
    )


def _line(result: Result, answer: LaneAnswer, y: int, size: int) -> CardLine:
    found = next(each for each in result.recommendations if each.lane == answer.lane)
    rate = next((each.rate for each in found.eligibilities if each.model == answer.model), None)
    lane = next(each for each in result.lanes if each.name == answer.lane)
    passed, n = result.lane_count(lane, answer.model) if answer.model else (0, 0)
    share = f"{passed} of {n}" if n < MIN_TRIALS or rate is None else format_percent(rate)
    note = f"{share} passed" if n else ""
    without = "no model meets the demands" if answer.state == "none" else "the evidence does not decide"
    text = answer.model or " or ".join(found.tied) or without
    width = TEXT_PX - (NOTE_PX if note else 0)
    size = min(size, int(width / (CHAR_SHARE * len(_shorten(text)))))
    name = _shorten(answer.lane) + (f": {STATE_WORDS[answer.state]}" if answer.state == "leaning" else "")
    return CardLine(y, size, name, _shorten(text), note, answer.model is not None)


def _shorten(text: str) -> str:
    return text if len(text) <= MAX_NAME_CHARS else f"{text[: MAX_NAME_CHARS - 1]}\u2026"
