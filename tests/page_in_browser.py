"""The report's page in a real browser: `python -m tests.page_in_browser [PNG]`. Needs Chromium on the PATH.

Not collected by pytest, so that the tests need no browser. It loads the page from a server of its own, in light and
dark, on a wide and a narrow screen, and fails when the page reports an error, asks for anything, or is wider than its
window.
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
  const asked = performance.getEntriesByType('resource').length;
  const charts = [...document.querySelectorAll('svg')].filter(one => one.getBoundingClientRect().height > 40).length;
  document.title = `wide=${wide} asked=${asked} charts=${charts}`;
});</script>"""


def _browser() -> str:
    found = next((path for path in map(shutil.which, NAMES) if path), None)
    if found is None:
        raise UncheckedError("no Chromium here: apt-get install chromium")
    return found


def _probed(html: str) -> str:
    """The page with a probe in it; its policy forbids scripts, so the probe's copy does without the policy."""
    return re.sub(r"<meta http-equiv[^>]+>", "", html).replace("</body>", PROBE + "</body>")


def _look(browser: str, url: str, *more: str) -> str:
    words = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000", "--enable-logging=stderr"]
    done = subprocess.run([browser, *words, *more, url], capture_output=True, text=True, timeout=120, check=True)
    return done.stdout + "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    asked: list[str] = []  # noqa: RUF012 - one server, one list

    def log_message(self, format: str, *args: object) -> None:
        self.asked.append(self.path)


@contextmanager
def _served(folder: str) -> Iterator[str]:
    """Serve a folder until the block ends; gives its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), lambda *args: _Quiet(*args, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _faults(browser: str, url: str) -> Iterator[str]:
    """What is wrong with the page on any of the screens."""
    for size in ("1280,900", "400,800"):
        for dark in ((), DARK):
            dom = _look(browser, f"{url}/probed.html", f"--window-size={size}", "--dump-dom", *dark)
            found = re.search(r"<title>(wide=.*?)</title>", dom)
            told = found.group(1) if found else f"no probe: {dom[-300:]}"
            print(f"{size} {'dark' if dark else 'light'}: {told}")
            if "wide=false asked=0" not in told or "charts=0" in told:
                yield f"{size}: {told}"
    shown = _look(browser, f"{url}/page.html", "--dump-dom")
    yield from (line for line in shown.splitlines() if "CONSOLE" in line)
    # The browser itself looks for an icon.
    known = ("/page.html", "/probed.html", "/favicon.ico")
    yield from (f"the page asked for {path}" for path in _Quiet.asked if path not in known)


def main() -> int:
    """Look at the page; 1 when something is wrong with it."""
    browser = _browser()
    with tempfile.TemporaryDirectory() as folder, _served(folder) as url:
        html = render_html(example_result())
        Path(folder, "page.html").write_text(html, encoding="utf-8")
        Path(folder, "probed.html").write_text(_probed(html), encoding="utf-8")
        faults = list(_faults(browser, url))
        if len(sys.argv) > 1:
            _look(browser, f"{url}/page.html", "--window-size=1280,5200", f"--screenshot={sys.argv[1]}")
    for fault in faults:
        print(f"fault: {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
