"""The page as one HTML file without a network: `render_html` gives the same bytes for the same result and evidence.

jinja2 escapes every string. Charts are drawn by Vega-Lite where the optional group `page` is installed, and as plain
SVG where it is not. Whatever the script does is also a table, which needs no script.
"""

from __future__ import annotations

from harness.report.html_templates import html_environment
from harness.report.page.charts import PageChart, charts_of
from harness.report.page.first_view import STATUS_WORDS, head_facts, heat_map, lane_cards
from harness.report.page.outline import PARTS, sections_by_part
from harness.report.page.payload import lanes_document, pack, plain, trial_blocks
from harness.report.page.scripts import asset, chart_library, has_chart_library, policy
from harness.report.sections import banners_of, sections_of, standing_section, title_of
from harness.report.task_tables import labels_of
from harness.types import GIB, LEVELS, Json, PageEvidence, Result

TEMPLATE = "page/page.html.j2"
MAX_NOTES = 8
"""Notes below a section that are shown before the others are folded."""
MAX_CONTENDERS = 5
"""Models on a card before the others are folded, which page.css does."""
LEVEL_STATES = {"reached": "reached", "failed": "FAILED", "unverified": "not checked", "not_requested": "not asked for"}
LEVEL_MEANINGS = {
    "readable": "the files can be read",
    "schema": "they are well formed",
    "consistent": "every number follows from the trials",
    "reread": "the recordings say what the result says",
    "rescored": "the answers, run again, get the same verdicts",
    "replicated": "your own server agrees",
}


def render_html(result: Result, evidence: PageEvidence | None = None) -> str:
    """Render the whole report as one page."""
    evidence = evidence or PageEvidence()
    charts = charts_of(result, evidence)
    scripts = [script for script in (chart_library(), asset("tables.js"), asset("page.js")) if script]
    style = asset("page.css")
    blocks = trial_blocks(result, evidence)
    standing = (standing_section(evidence.standing),) if evidence.standing else ()
    return (
        html_environment()
        .get_template(TEMPLATE)
        .render(
            result=result,
            title=title_of(result),
            banners=banners_of(result),
            facts=tuple(head_facts(result)),
            cards=lane_cards(result),
            status_words=STATUS_WORDS,
            limits=_limits(result),
            parts=PARTS,
            sections=sections_by_part((*sections_of(result), *standing)),
            charts=charts,
            draws=has_chart_library(),
            labels=labels_of(result),
            heat=heat_map(result),
            has_streams=bool(evidence.trials),
            levels=_levels(evidence),
            max_notes=MAX_NOTES,
            max_contenders=MAX_CONTENDERS,
            policy=policy(scripts, [style]),
            scripts=scripts,
            style=style,
            data=pack(plain(_data(result, evidence, charts))),
            blocks=list(blocks.values()),
        )
    )


def _levels(evidence: PageEvidence) -> list[tuple[str, str, str]]:
    """(level, what it means, how it ended) of every level of verification."""
    found = {report.level: report for report in evidence.levels}
    rows = []
    for level in LEVELS:
        report = found.get(level)
        state = "not checked yet" if report is None else LEVEL_STATES[report.state]
        detail = "" if report is None or report.state == "reached" or not report.detail else f": {report.detail}"
        rows.append((level, LEVEL_MEANINGS[level], f"{state}{detail}"))
    return rows


def _data(result: Result, evidence: PageEvidence, charts: list[PageChart]) -> Json:
    names = [task.name for task in result.tasks]
    return {
        "tasks": names,
        "models": labels_of(result),
        "lanes": lanes_document(result, evidence),
        "charts": {
            chart.kind.key: {
                "spec": chart.spec(),
                "rows": chart.rows if chart.kind.choice or chart.kind.key == "quality" else None,
                "choice": chart.kind.choice,
            }
            for chart in charts
            if has_chart_library()
        },
    }


def _limits(result: Result) -> tuple[dict[str, Json], ...]:
    """The sliders: each with its range from what the models have; a slider that decides nothing is left out."""
    summaries = result.summaries
    memory = [used / GIB for each in summaries if (used := each.memory.model_bytes)]
    speeds = [each.decode_tps.high or each.decode_tps.median for each in summaries if each.decode_tps]
    contexts = [model.served_context_tokens for model in result.models if model.served_context_tokens]
    sliders: list[dict[str, Json]] = []
    if memory:
        sliders.append(
            {"key": "memory", "name": "Memory at most", "unit": "GiB", "top": _ceil(max(memory)), "step": 0.5}
        )
    if speeds:
        sliders.append(
            {"key": "speed", "name": "Decode at least", "unit": "tok/s", "top": _ceil(max(speeds)), "step": 1}
        )
    if contexts:
        top = -(-max(contexts) // 1024) * 1024
        sliders.append({"key": "context", "name": "Context at least", "unit": "tokens", "top": top, "step": 1024})
    sliders.append({"key": "rate", "name": "Pass rate at least", "unit": "%", "top": 100, "step": 1})
    return tuple(sliders)


def _ceil(value: float) -> int:
    return int(-(-value // 1)) + 1
