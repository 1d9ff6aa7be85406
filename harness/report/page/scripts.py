"""The scripts and styles of the page with the policy that allows only them: by digest, and no connection at all.

`chart_library` is Vega-Lite as one script, from the optional package vl-convert; "" where it is not installed. That
package takes seconds to bundle it, so the script is kept in the kit's cache.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from harness.errors import DiskError
from harness.files import cache_folder, sha256_of, write_atomic

FOLDER = Path(__file__).parent
CHART_PACKAGES = ("altair", "vl_convert")
_EXPORT = "window.lanebenchCharts = vegaEmbed;"


def has_chart_library() -> bool:
    """Whether charts can be drawn: the optional group `page` is installed."""
    return all(find_spec(name) is not None for name in CHART_PACKAGES)


@cache
def chart_library() -> str:
    """The library that draws the charts in the browser, as `lanebenchCharts`."""
    if not has_chart_library():
        return ""
    # A module's names would be the window's own: the braces keep them apart. Its few tabs stand in string literals.
    # Spelled out, no control character of a printed page reaches a terminal.
    return "{\n" + _bundle().replace("\t", "\\t") + "\n}"


def _bundle() -> str:
    """The library and what exports it, from the cache or made anew."""
    kept = cache_folder() / f"charts-{version('vl-convert-python')}-{sha256_of(_EXPORT)[:12]}.js"
    with suppress(OSError, UnicodeDecodeError):
        return kept.read_text(encoding="utf-8")
    import vl_convert

    bundle: str = vl_convert.javascript_bundle(_EXPORT)
    # A cache that cannot be written costs the next page seconds, and nothing else.
    with suppress(DiskError):
        write_atomic(kept, bundle)
    return bundle


@cache
def asset(name: str) -> str:
    """A file of this folder."""
    return (FOLDER / name).read_text(encoding="utf-8")


def policy(scripts: Sequence[str], styles: Sequence[str]) -> str:
    """The content security policy: these scripts and styles, and nothing else."""
    return (
        f"default-src 'none'; script-src {_digests(scripts)}; style-src {_digests(styles)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _digests(texts: Sequence[str]) -> str:
    digests = (hashlib.sha256(text.encode()).digest() for text in texts)
    return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
