"""The page in Chromium, from a file as a reader opens it: no error, no request, and everything that its script does.

`nox -s tests_page` runs these; they need the browser of the system (Debian: `apt-get install chromium`).
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from harness.report import render_html
from harness.report.page.first_view import lane_cards
from harness.run import page_evidence
from harness.summarize import summarize
from harness.types import PageEvidence, Result, TrialResult
from tests.page_data import HOSTILE, page_data

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
SCREENS = [(1280, "light"), (1280, "dark"), (360, "light"), (360, "dark")]
Data = tuple[Result, PageEvidence]
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    assert path is not None, "Chromium is not installed: apt-get install chromium"
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pages of four models, of twelve, of hostile answers, and of one model with few trials."""
    path = tmp_path_factory.mktemp("pages")
    made = {"four": page_data(4, 9, 8), "twelve": page_data(12, 6, 6), "hostile": page_data(2, 5, 2, hostile=HOSTILE)}
    made["few"] = page_data(1, 2, 3)
    for name, data in made.items():
        (path / f"{name}.html").write_text(render_html(*data), encoding="utf-8")
    return path


@pytest.fixture
def open_page(browser: Browser, folder: Path) -> Iterator[Open]:
    """Opens a page; at the end it must have logged nothing and requested nothing."""
    problems: list[str] = []
    contexts = []

    def open_it(name: str, width: int = 1280, scheme: str = "light", place: str = "") -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: problems.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: problems.append(f"error: {error}"))
        address = (folder / f"{name}.html").as_uri()
        page.on("request", lambda request: None if request.url.startswith(address) else problems.append(request.url))
        page.goto(address + place)
        page.wait_for_selector("html[data-ready]")
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert problems == []


def _wait(page: Page, condition: Callable[[], bool]) -> None:
    """Wait until a condition holds; Playwright would evaluate a string, which the page's policy forbids."""
    for _ in range(600):
        if condition():
            return
        page.wait_for_timeout(50)
    raise AssertionError("waited for 30 s")


def _draw_all(page: Page) -> None:
    _wait(page, lambda: page.locator(".chart").count() == page.locator(".chart.drawn svg").count())


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
@pytest.mark.parametrize("name", ["four", "twelve", "hostile"])
def test_every_chart_is_drawn_and_nothing_is_wider_than_the_screen(
    open_page: Open, name: str, width: int, scheme: str
) -> None:
    page = open_page(name, width, scheme)
    _draw_all(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.querySelectorAll('.chart svg').length") >= 7


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_axe_finds_nothing_serious(open_page: Open, width: int, scheme: str) -> None:
    page = open_page("four", width, scheme)
    _draw_all(page)
    page.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
    found = Axe().run(page).response["violations"]
    page.locator("table.heat tbody a").first.click()
    page.wait_for_selector("dialog[open]")
    found += Axe().run(page).response["violations"]
    serious = {
        f"{each['id']}: {each['nodes'][0]['html'][:160]} {each['nodes'][0]['failureSummary'][:200]}"
        for each in found
        if each["impact"] in ("serious", "critical")
    }
    assert serious == set()


def test_the_script_decides_each_lane_as_the_result_does(open_page: Open) -> None:
    for name, data in (("four", page_data(4, 9, 8)), ("twelve", page_data(12, 6, 6)), ("few", page_data(1, 2, 3))):
        page = open_page(name)
        drawn = page.locator(".card[data-lane]")
        before = [drawn.locator(part).all_inner_texts() for part in (".pick", ".confidence")]
        _set(page, "rate", 1)
        page.get_by_role("button", name="As the lanes say").click()
        cards = {card.name: card for card in lane_cards(data[0])}
        for recommendation in data[0].recommendations:
            shown, card = page.locator(f'.card[data-lane="{recommendation.lane}"]'), cards[recommendation.lane]
            expected = [recommendation.model] if recommendation.model else list(recommendation.tied)
            _wait(page, lambda: shown.locator(".because").inner_text() == card.text)  # noqa: B023 - called at once
            if expected:
                assert set(shown.locator(".pick").inner_text().split(" or ")) == set(expected)
            states = {each.model: each.status for each in recommendation.eligibilities}
            rows = shown.locator("li").all()
            assert {row.get_attribute("data-model"): row.get_attribute("data-status") for row in rows} == states
        assert [drawn.locator(part).all_inner_texts() for part in (".pick", ".confidence")] == before


def _without_rate(result: Result, label: str) -> Result:
    """The result with one lane by decode rate, which one model lacks; this model is the first."""

    def bare(trial: TrialResult) -> TrialResult:
        turns = (replace(turn, timings=replace(turn.timings, decode_tps=None)) for turn in trial.turns)
        return replace(trial, turns=tuple(turns)) if trial.model == label else trial

    models = tuple(sorted(result.models, key=lambda model: model.label != label))
    lane = replace(result.lanes[0], min_pass_rate=None, rank_by=("decode_tps",))
    return summarize(replace(result, models=models, trials=tuple(map(bare, result.trials)), lanes=(lane,)))


def test_the_script_keeps_a_model_without_the_quantity_and_excludes_the_others(open_page: Open, folder: Path) -> None:
    result, evidence = page_data(4, 9, 8)
    label = result.models[2].label
    changed = _without_rate(result, label)
    shown = replace(page_evidence(changed), trials=evidence.trials)
    (folder / "unmeasured.html").write_text(render_html(changed, shown), encoding="utf-8")
    page = open_page("unmeasured")
    _set(page, "rate", 1)
    page.get_by_role("button", name="As the lanes say").click()
    (found,) = changed.recommendations
    assert set(found.tied) == {label, "gpt-oss-20b"}
    pick = page.locator(".card[data-lane] .pick")
    _wait(page, lambda: set(pick.inner_text().split(" or ")) == set(found.tied))


def test_a_card_with_many_models_folds_those_behind_the_first_five(open_page: Open) -> None:
    card = open_page("twelve").locator('.card[data-lane="daily coding"]')
    assert card.locator("li:visible").count() == 5
    card.get_by_text("7 more models").click()
    assert card.locator("li:visible").count() == 12
    assert open_page("four").locator(".card .rest").count() == 0


def _set(page: Page, limit: str, value: float) -> None:
    """Move a slider."""
    script = "(input, value) => { input.value = value; input.dispatchEvent(new Event('input', { bubbles: true })); }"
    page.locator(f"#limit-{limit}").evaluate(script, value)


def test_a_limit_changes_the_answer_and_the_chart_and_reset_brings_them_back(open_page: Open) -> None:
    page = open_page("four")
    page.locator("#chart-quality").scroll_into_view_if_needed()
    page.wait_for_selector("#chart-quality .chart.drawn")
    pick = page.locator('.card[data-lane="daily coding"] .pick')
    before, drawing = pick.inner_text(), page.locator("#chart-quality svg").inner_html()
    _set(page, "memory", 6)
    assert pick.inner_text() == "qwen-coder-7b"
    assert page.locator("#value-memory").inner_text() == "6 GiB"
    ruled_out = page.locator('.card[data-lane="daily coding"] li[data-status="ruled_out"]')
    assert ruled_out.count() == 3
    _wait(page, lambda: page.locator("#chart-quality svg").inner_html() != drawing)
    page.get_by_role("button", name="As the lanes say").click()
    _wait(page, lambda: page.locator("#chart-quality svg").inner_html() == drawing)
    assert pick.inner_text() == before


def test_only_limits_of_the_reader_make_a_model_faint_and_only_where_every_lane_rules_it_out(
    open_page: Open, folder: Path
) -> None:
    result, evidence = page_data(12, 6, 6)
    result = summarize(replace(result, lanes=result.lanes[::-1]))
    assert "ruled_out" in {each.status for each in result.recommendations[0].eligibilities}
    shown = replace(page_evidence(result), trials=evidence.trials)
    (folder / "strict.html").write_text(render_html(result, shown), encoding="utf-8")
    page = open_page("strict")
    _draw_all(page)
    page.wait_for_timeout(200)
    points = page.locator("#chart-quality svg path[aria-roledescription='point']")
    assert points.count() == 12
    assert _opacities(points) == ["0.9"] * 12
    _set(page, "memory", 6)
    small = sum(model.memory.model_bytes <= 6 * 2**30 for model in result.models if model.memory.model_bytes)
    assert 0 < small < 12
    _wait(page, lambda: sorted(_opacities(points)) == ["0.25"] * (12 - small) + ["0.9"] * small)


def _opacities(points: Locator) -> list[str]:
    return [str(point.get_attribute("opacity")) for point in points.all()]


def test_a_limit_can_be_moved_with_the_keyboard(open_page: Open) -> None:
    page = open_page("four")
    page.locator("#limit-rate").focus()
    page.keyboard.press("End")
    picks = page.locator(".card .pick").all_inner_texts()
    assert set(picks) == {"No model"}


def test_another_baseline_redraws_the_differences(open_page: Open) -> None:
    page = open_page("four")
    _draw_all(page)
    before = page.locator("#chart-differences svg").inner_html()
    page.locator("#choose-differences").select_option("gpt-oss-20b")
    _wait(page, lambda: page.locator("#chart-differences svg").inner_html() != before)
    assert "gpt-oss-20b" not in page.locator("#chart-differences svg").text_content().split("baseline")[0]  # type: ignore[union-attr]


def test_a_cell_opens_its_trials_and_two_models_stand_side_by_side(open_page: Open) -> None:
    page = open_page("four")
    cell = page.locator("table.heat tbody tr", has_text="code-01").locator("a").nth(3)
    cell.focus()
    page.keyboard.press("Enter")
    dialog = page.locator("dialog[open]")
    assert dialog.locator("h2").inner_text() == "code-01 / gpt-oss-20b"
    assert dialog.locator(".trials button").count() == 8
    failed = dialog.locator(".trials button", has_text="\u2717").first
    failed.click()
    check = dialog.locator(".check").first.inner_text()
    assert all(word in check for word in ("input", "expected", "observed"))
    assert "def window" in dialog.locator("details[open] pre").first.inner_text()
    assert dialog.locator("summary", has_text="Reasoning").count() == 1
    assert dialog.locator("svg.timeline line").count() > 50
    page.locator("#beside").select_option("devstral-24b")
    assert dialog.locator(".side").count() == 2
    assert dialog.locator(".diff .add").count() > 0
    page.keyboard.press("Escape")
    assert page.locator("dialog[open]").count() == 0
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#code-01/gpt-oss-20b"


def test_a_link_with_a_task_and_a_model_opens_their_trials(open_page: Open) -> None:
    page = open_page("twelve", place="#chat-edit/qwen-coder-3b")
    assert page.locator("dialog[open] h2").inner_text() == "chat-edit / qwen-coder-3b"
    assert page.locator("dialog[open] h4", has_text="Turn 6").count() == 1


def test_a_link_to_nothing_opens_nothing(open_page: Open) -> None:
    assert open_page("four", place="#code-01/%E0%A4%A").locator("dialog[open]").count() == 0


def test_hostile_answers_only_show(open_page: Open) -> None:
    page = open_page("hostile")
    for cell in page.locator("table.heat tbody a").all()[:6]:
        href = cell.get_attribute("href") or ""
        page.evaluate("(href) => { location.hash = href; }", href)
        page.wait_for_selector("dialog[open]")
        for fold in page.locator("dialog details:not([open]) > summary").all():
            fold.click()
        text = page.locator("dialog").inner_text()
        assert "</script><script>window.hacked = 1</script>" in text
        assert "\\u202eright to left" in text
        assert "\\u001b[31mred" in text
        assert "&lt;b&gt;" in text
        page.keyboard.press("Escape")
    assert page.evaluate("window.hacked") is None
    assert page.locator("img").count() == 0


def test_a_megabyte_of_text_unfolds_on_demand(browser: Browser, folder: Path, open_page: Open) -> None:
    result, evidence = page_data(1, 4, 1)
    from dataclasses import replace

    turn = replace(result.trials[0].turns[0], content="line of text\n" * 80_000)
    trials = (replace(result.trials[0], turns=(turn,)), *result.trials[1:])
    (folder / "long.html").write_text(render_html(replace(result, trials=trials), evidence), encoding="utf-8")
    page = open_page("long", place="#speed-small/qwen-coder-32b")
    text = page.locator("dialog pre").last
    assert len(text.inner_text()) <= 20_001
    page.get_by_role("button", name="Show all").click()
    assert len(text.inner_text()) > 190_000


def test_tables_sort_filter_and_copy_as_markdown(open_page: Open, browser: Browser) -> None:
    page = open_page("four")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    table = page.locator("#section-glance table")
    table.locator("thead button", has_text="memory").click()
    assert table.locator("tbody th").first.inner_text() == "qwen-coder-7b"
    table.locator("thead button", has_text="memory").click()
    assert table.locator("tbody th").first.inner_text() == "qwen-coder-32b"
    assert table.locator("thead th", has_text="memory").get_attribute("aria-sort") == "descending"
    page.locator("#section-glance button", has_text="Copy as Markdown").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    lines = copied.strip().splitlines()
    assert lines[0].startswith("| model | passed |")
    assert lines[1] == "|" + " --- |" * 5
    assert len(lines) == 6
    heat = page.locator("#tasks .tool").first
    heat.locator("input").fill("chat-edit")
    assert heat.locator("tbody tr:visible").count() == 2


def test_paper_has_every_section_unfolded_and_every_chart(open_page: Open, tmp_path: Path) -> None:
    page = open_page("four")
    _draw_all(page)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    folded = page.locator("main details:not([open])")
    assert folded.evaluate_all("folds => folds.every(fold => fold.querySelectorAll('tr').length > 60)")
    assert folded.locator("visible=true").count() == 0
    assert page.locator("nav").is_hidden()
    assert len(page.pdf()) > 50_000
