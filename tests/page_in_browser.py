"""Check of the report page in a real browser: `python -m tests.page_in_browser [PNG]`, with Chromium on the PATH.

It loads the page from a local server in light and dark mode on a wide and a narrow screen, and fails when the page
logs an error, requests any resource, or is wider than the window. pytest does not collect it, so that the tests need
no browser.
"""

import http.server
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import UncheckedError
from harness.report import render_html
from tests.example import example_result

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
DARK = ("--force-dark-mode", "--enable-features=WebContentsForceDark")
PROBE = """<script>addEventListener('load', () => {
  const wide = document.documentElement.scrollWidth > innerWidth;
  const requests = performance.getEntriesByType('resource').length;
  const charts = [...document.querySelectorAll('svg')].filter(svg => svg.getBoundingClientRect().height > 40).length;
  document.title = `wide=${wide} requests=${requests} charts=${charts}`;
});</script>"""


def _find_browser() -> str:
    browser = next((path for path in map(shutil.which, NAMES) if path), None)
    if browser is None:
        raise UncheckedError("Chromium is not installed", fix="apt-get install chromium")
    return browser


def _with_probe(html: str) -> str:
    """The page with a measuring script, and without its policy, which forbids scripts."""
    return re.sub(r"<meta http-equiv[^>]+>", "", html).replace("</body>", PROBE + "</body>")


def _run_browser(browser: str, url: str, *more: str) -> str:
    """The browser's output and the console messages of the page."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000", "--enable-logging=stderr"]
    done = subprocess.run([browser, *options, *more, url], capture_output=True, text=True, timeout=120, check=True)
    return done.stdout + "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)


class _Handler(http.server.SimpleHTTPRequestHandler):
    paths: list[str] = []  # noqa: RUF012 - one server, one list

    def log_message(self, format: str, *args: object) -> None:
        self.paths.append(self.path)


@contextmanager
def _serve(folder: str) -> Iterator[str]:
    """Serve a folder until the block ends; gives its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), lambda *args: _Handler(*args, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _problems(browser: str, url: str) -> Iterator[str]:
    """What is wrong with the page on any of the screens."""
    for size in ("1280,900", "400,800"):
        for dark in ((), DARK):
            dom = _run_browser(browser, f"{url}/probed.html", f"--window-size={size}", "--dump-dom", *dark)
            match = re.search(r"<title>(wide=.*?)</title>", dom)
            measured = match.group(1) if match else f"no probe: {dom[-300:]}"
            print(f"{size} {'dark' if dark else 'light'}: {measured}")
            if "wide=false requests=0" not in measured or "charts=0" in measured:
                yield f"{size}: {measured}"
    output = _run_browser(browser, f"{url}/page.html", "--dump-dom")
    yield from (line for line in output.splitlines() if "CONSOLE" in line)
    # The browser requests an icon without being told to.
    known = ("/page.html", "/probed.html", "/favicon.ico")
    yield from (f"the page requested {path}" for path in _Handler.paths if path not in known)


def main() -> int:
    """Check the page; returns 1 when something is wrong with it."""
    browser = _find_browser()
    with tempfile.TemporaryDirectory() as folder, _serve(folder) as url:
        html = render_html(example_result())
        Path(folder, "page.html").write_text(html, encoding="utf-8")
        Path(folder, "probed.html").write_text(_with_probe(html), encoding="utf-8")
        problems = list(_problems(browser, url))
        if len(sys.argv) > 1:
            _run_browser(browser, f"{url}/page.html", "--window-size=1280,5200", f"--screenshot={sys.argv[1]}")
    for problem in problems:
        print(f"problem: {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
