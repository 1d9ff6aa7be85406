"""The page of a blind judging in a real browser: votes by mouse and key, hostile answers, restarts, strangers."""

import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from harness.judge import JudgingFolder, create_judging, open_judging, prepare_pairs, serve_page
from tests.judged import SALT, judged_result, prepared_folder, tasks

CHROMIUM = "/usr/bin/chromium"
HOSTILE = (
    "<script>document.title = 'owned'</script></pre></section><img src=http://127.0.0.1:9/x onerror=alert(1)>"
    "&lt;b&gt; &amp;\u202egnal \x1b[31m {{ 7 * 7 }} {% include 'x' %}\n# Heading\n" + "wide" * 400
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@contextmanager
def judging_page(browser: Browser, folder: JudgingFolder, **context: object) -> Iterator[tuple[Page, str]]:
    """The page of a judging in the browser; a console message, a failed script or a foreign request fails the test."""
    ready: list[str] = []
    told = threading.Event()

    def announce(url: str) -> None:
        ready.append(url)
        told.set()

    thread = threading.Thread(target=serve_page, args=(folder, "me", announce, "Now reveal it."), daemon=True)
    thread.start()
    assert told.wait(10)
    page = browser.new_context(**context).new_page()
    trouble: list[str] = []
    page.on("console", lambda message: trouble.append(message.text))
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("dialog", lambda dialog: trouble.append("dialog"))
    page.on("request", lambda request: None if request.url.startswith(ready[0]) else trouble.append(request.url))
    page.goto(ready[0])
    yield page, ready[0]
    page.context.close()
    assert [text for text in trouble if not text.startswith("data:")] == []


def folder_with(path: Path, answer: str) -> JudgingFolder:
    """A judging of two pairs of such answers."""

    def text(model: str, task: str, trial: int) -> str:
        return f"{answer} {model[::-1]}" if trial == 0 else ""

    return create_judging(path, prepare_pairs([judged_result("one", "two", text=text)], tasks(), 4, SALT), [])


def test_every_vote_is_on_the_disk_before_the_next_pair_and_all_votes_work(browser: Browser, tmp_path: Path) -> None:
    folder = prepared_folder(tmp_path / "judging", "one", "two", pairs=5)
    with judging_page(browser, folder) as (page, _):
        for number, (key, vote) in enumerate(
            [("a", "left"), ("b", "right"), ("t", "tie"), ("n", "both_bad"), ("c", "cannot_judge")], 1
        ):
            assert f"Pair {number} of 6" in page.inner_text("h1")
            page.keyboard.press(key)
            page.wait_for_selector(f"text=Pair {number + 1} of 6")
            assert [ballot.vote for ballot in open_judging(folder.path).ballots][number - 1] == vote
        page.get_by_role("button", name="A is better").click()
        page.wait_for_selector("text=All pairs are judged")
        assert "Now reveal it." in page.inner_text("main")
    assert open_judging(folder.path).pending("me") == ()


def test_the_page_shows_neither_model_nor_score_and_asks_for_the_author_of_a_few(
    browser: Browser, tmp_path: Path
) -> None:
    folder = prepared_folder(tmp_path / "judging", "one", "two", pairs=8)
    asked = 0
    with judging_page(browser, folder) as (page, _):
        for number in range(len(folder.sheet.pairs)):
            pair = folder.sheet.pairs[number]
            assert page.locator("select").count() == pair.asks_guess
            if pair.asks_guess:
                asked += 1
                page.select_option("select", "two")
            else:
                assert "one" not in page.inner_text("form").split()
            assert "maker" not in page.content()
            page.keyboard.press("b")
            page.wait_for_selector(f"progress[value='{number + 1}']")
    ballots = open_judging(folder.path).ballots
    assert asked == 2
    assert [ballot.guess for ballot in ballots if ballot.guess] == ["two", "two"]


def test_a_restart_goes_on_where_the_judge_stopped(browser: Browser, tmp_path: Path) -> None:
    folder = prepared_folder(tmp_path / "judging", "one", "two", pairs=3)
    folder.cast("me", folder.pending("me")[0], "left")
    with judging_page(browser, open_judging(folder.path)) as (page, _):
        assert "Pair 2 of 4" in page.inner_text("h1")


def test_a_second_click_does_not_vote_on_the_next_pair(browser: Browser, tmp_path: Path) -> None:
    folder = prepared_folder(tmp_path / "judging", "one", "two", pairs=3)
    with judging_page(browser, folder) as (page, url):
        form = "pair=pair-1&vote=left"
        for _ in range(2):
            urllib.request.urlopen(f"{url}vote", form.encode()).close()
        page.reload()
        assert "Pair 2 of 4" in page.inner_text("h1")
    assert len(open_judging(folder.path).ballots) == 1


@pytest.mark.parametrize("width", [360, 1280])
def test_hostile_answers_only_show(browser: Browser, tmp_path: Path, width: int) -> None:
    folder = folder_with(tmp_path / "judging", HOSTILE)
    with judging_page(browser, folder, viewport={"width": width, "height": 800}) as (page, _):
        text = page.inner_text("section >> nth=0")
        assert "<script>document.title = 'owned'</script></pre></section><img src=" in text
        assert "&lt;b&gt; &amp;\\u202egnal \\u001b[31m {{ 7 * 7 }}" in text
        assert "owned" not in page.title()
        assert page.locator("section").count() == 2
        assert page.locator("section img, section script").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_megabyte_of_text_is_shown_and_judged(browser: Browser, tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "judging", ("long answer " * 9 + "\n") * 10_000)
    with judging_page(browser, folder) as (page, _):
        assert len(page.inner_text("section >> nth=1")) > 1_000_000
        page.keyboard.press("t")
        page.wait_for_selector("progress[value='1']")


def test_strangers_get_nothing_and_cannot_vote(browser: Browser, tmp_path: Path) -> None:
    folder = prepared_folder(tmp_path / "judging", "one", "two", pairs=3)
    with judging_page(browser, folder) as (_, url):
        root = url.rsplit("/", 2)[0]
        attempts = [
            urllib.request.Request(f"{root}/"),
            urllib.request.Request(f"{root}/guess/"),
            urllib.request.Request(url, headers={"Host": "attacker.example"}),
            urllib.request.Request(f"{root}/guess/vote", b"pair=pair-1&vote=left"),
            urllib.request.Request(f"{url}vote", b"pair=pair-1&vote=left", {"Origin": "http://attacker.example"}),
            urllib.request.Request(f"{url}vote", b"pair=pair-1&vote=left&x=" + b"x" * 5000),
        ]
        for attempt in attempts:
            with pytest.raises(urllib.error.HTTPError, match=r"HTTP Error 40[34]"):
                urllib.request.urlopen(attempt)
        with urllib.request.urlopen(url) as reply:
            policy = reply.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; ")
        assert "unsafe" not in policy
        for form in (b"pair=pair-1&vote=order_dependent", b"pair=pair-2&vote=left", b"\xff"):
            urllib.request.urlopen(f"{url}vote", form).close()
    assert open_judging(folder.path).ballots == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Browser, tmp_path: Path, scheme: str) -> None:
    folder = prepared_folder(tmp_path / "judging", "one", "two", pairs=3)
    with judging_page(browser, folder, color_scheme=scheme, bypass_csp=True) as (page, _):
        violations = Axe().run(page).response["violations"]
    assert [found["id"] for found in violations if found["impact"] in ("serious", "critical")] == []


def test_keys_are_left_to_the_browser_where_they_belong_to_it(browser: Browser, tmp_path: Path) -> None:
    folder = prepared_folder(tmp_path / "judging", "one", "two", pairs=1)
    with judging_page(browser, folder) as (page, _):
        page.keyboard.press("Control+a")
        page.focus("select")
        page.keyboard.press("t")
        page.wait_for_timeout(200)
        assert open_judging(folder.path).ballots == []
        page.focus("button[data-key=t]")
        page.keyboard.press("Enter")
        page.wait_for_selector("progress[value='1']")
    assert [ballot.vote for ballot in open_judging(folder.path).ballots] == ["tie"]


@contextmanager
def command(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`judge page` as a process of its own, and the address that it prints."""
    words = [sys.executable, "-m", "harness", "judge", "page", str(folder)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def test_the_command_keeps_every_vote_through_a_kill_and_ends_after_the_last(browser: Browser, tmp_path: Path) -> None:
    path = prepared_folder(tmp_path / "judging", "one", "two", pairs=3).path
    page = browser.new_context().new_page()
    with command(path) as (process, url):
        page.goto(url)
        page.keyboard.press("a")
        page.wait_for_selector("text=Pair 2 of 4")
        process.kill()
    with command(path) as (process, url):
        page.goto(url)
        for number in range(2, 5):
            page.wait_for_selector(f"text=Pair {number} of 4")
            page.keyboard.press("b")
        page.wait_for_selector("text=All pairs are judged")
        assert "judge reveal" in page.inner_text("main")
        assert process.wait(20) == 0
    assert [ballot.vote for ballot in open_judging(path).ballots] == ["left", "right", "right", "right"]


def test_ctrl_c_says_how_to_go_on(tmp_path: Path) -> None:
    path = prepared_folder(tmp_path / "judging", "one", "two", pairs=3).path
    with command(path) as (process, _):
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Every vote is kept. Go on with:" in told
