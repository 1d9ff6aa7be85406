"""How fast a large page opens and how large it is: `python -m tests.bench_page`, with Chromium on the PATH.

Five models, forty tasks, ten trials: under 2 s until the page answers, under 15 MB. Another size: MODELS TASKS TRIALS.
"""

import shutil
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from harness.report import render_html
from tests.page_data import page_data

MAX_SECONDS, MAX_BYTES, OPENINGS = 2.0, 15_000_000, 5


def opening_times(path: Path) -> list[float]:
    """Seconds from the request for the page until its script is ready, in a new context each."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    times = []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        for _ in range(OPENINGS):
            page = chromium.new_context().new_page()
            start = time.perf_counter()
            page.goto(path.as_uri(), wait_until="commit")
            page.wait_for_selector("html[data-ready]")
            times.append(time.perf_counter() - start)
            page.context.close()
        chromium.close()
    return times


def main(models: int = 5, tasks: int = 40, trials: int = 10) -> int:
    """Measure one page; returns 1 where it is too slow or too large."""
    data = page_data(models, tasks, trials)
    start = time.perf_counter()
    html = render_html(*data)
    print(f"{models} models, {tasks} tasks, {trials} trials: rendered in {time.perf_counter() - start:.1f} s")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "report.html")
        path.write_text(html, encoding="utf-8")
        size, times = path.stat().st_size, sorted(opening_times(path))
    median = times[len(times) // 2]
    print(
        f"size {size / 1e6:.1f} MB; opens in {median:.2f} s (median of {OPENINGS}, {times[0]:.2f} to {times[-1]:.2f} s)"
    )
    return int(median > MAX_SECONDS or size > MAX_BYTES)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
