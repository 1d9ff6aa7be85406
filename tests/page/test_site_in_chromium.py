"""The pages of a site in Chromium, from files as a reader opens them: no error, no request, search, sort and links."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from harness.collection import ImportRequest, import_results
from harness.site import SiteRequest, build_site
from harness.verify import VerifyOptions
from tests.bundle import good_bundle, later, summarized, tasks, write_bundle
from tests.page.test_page_in_chromium import SCREENS, browser

__all__ = ["browser"]
HOSTILE = '"><img src=x onerror=alert(1)>' + "w" * 200
CHIPS = ("Apple M4 Max", "Apple M3 Ultra", HOSTILE)
OpenSite = Callable[..., Page]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine results of three machines, one of which has a hostile name."""
    folder = tmp_path_factory.mktemp("site")
    for number in range(9):
        bundle = later(good_bundle(), number)
        bundle.result["host"] |= {"chip": CHIPS[number % 3], "memory_bytes": 96 * 2**30}
        write_bundle(folder / "bundles" / f"b{number}", summarized(bundle))
    options = VerifyOptions("consistent", tasks=tasks())
    collection = import_results(ImportRequest([folder / "bundles"], folder / "cache", options))
    build_site(SiteRequest(collection, folder / "site"))
    return folder / "site"


@pytest.fixture
def open_site(browser: Browser, site: Path) -> Iterator[OpenSite]:
    """Opens a page of the site; at the end it must have logged nothing and requested nothing but pages of the site."""
    problems: list[str] = []
    contexts = []

    def open_it(name: str = "index.html", width: int = 1280, scheme: str = "light") -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: problems.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: problems.append(f"error: {error}"))
        page.on("dialog", lambda dialog: problems.append(f"dialog: {dialog.message}"))
        own = f"{site.as_uri()}/"
        page.on("request", lambda request: None if request.url.startswith(own) else problems.append(request.url))
        page.goto((site / name).as_uri())
        page.wait_for_selector("html[data-ready]")
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert problems == []


def _pages(site: Path) -> list[str]:
    """One page of each kind."""
    kinds = {path.parent: path for path in sorted(site.rglob("*.html"))}
    return ["index.html", *(str(path.relative_to(site)) for path in kinds.values())]


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_no_page_is_wider_than_the_screen_and_axe_finds_nothing_serious(
    open_site: OpenSite, site: Path, width: int, scheme: str
) -> None:
    for name in _pages(site):
        page = open_site(name, width, scheme)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        found = Axe().run(page).response["violations"]
        serious = {f"{each['id']}: {each['nodes'][0]['html'][:160]}" for each in found if each["impact"] == "serious"}
        assert serious == set(), name


def test_the_search_leaves_what_has_all_of_its_words(open_site: OpenSite) -> None:
    page = open_site()
    page.locator("#search").fill("ultra apple")
    shown = page.locator("#by-machine tbody tr:visible")
    assert shown.count() == 1
    assert "Apple M3 Ultra, 96 GB" in shown.inner_text()
    assert page.locator(".card:visible").count() == 1
    page.locator("#search").fill("")
    assert page.locator("#by-machine tbody tr:visible").count() == 3


def test_the_search_and_the_filter_of_a_table_leave_out_together(open_site: OpenSite) -> None:
    page = open_site("results.html")
    rows = page.locator("#models tbody tr:visible")
    page.locator("#models .tools input").fill("alpha")
    page.locator("#search").fill("ultra")
    assert rows.count() == 3
    page.locator("#models .tools input").fill("")
    assert rows.count() == 6
    page.locator("#models .tools input").fill("alpha")
    page.locator("#search").fill("")
    assert rows.count() == 9


def test_without_scripts_no_field_is_shown_that_does_nothing(browser: Browser, site: Path) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto((site / "index.html").as_uri())
        assert page.locator("h1").is_visible()
        assert not page.locator("#search").is_visible()


def test_a_table_is_sorted_by_its_numbers_and_its_links_lead_on(open_site: OpenSite) -> None:
    page = open_site("results.html")
    page.locator("#models thead button", has_text="decode").click()
    headers = page.locator("#models thead th").all_inner_texts()
    column = next(at for at, text in enumerate(headers) if text.startswith("decode"))
    texts = page.locator(f"#models tbody tr > :nth-child({column + 1})").all_inner_texts()
    speeds = [float(text.split()[0]) for text in texts]
    assert speeds == sorted(speeds)
    page.locator("#models tbody a", has_text="Apple M3 Ultra").first.click()
    page.wait_for_selector("html[data-ready]")
    assert page.locator("h1").inner_text() == "Apple M3 Ultra, 96 GB"
    assert "My coding" in page.locator(".card").inner_text()
