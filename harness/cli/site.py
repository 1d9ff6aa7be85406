"""`lanebench site`: makes a static site of a folder of results."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.cli.console import count_of, log, show
from harness.cli.options import add_tasks_option
from harness.errors import CheckError
from harness.types import LEVELS

NAME = "site"
HELP = "Make a static site of many results: by machine, model, task and server, with the answer of each machine."


def options(parser: argparse.ArgumentParser) -> None:
    """Which results, and where the site goes."""
    parser.add_argument("paths", type=Path, nargs="*", metavar="DIR", help="folders of bundles; default: results")
    parser.add_argument(
        "--out", type=Path, default=Path("site"), metavar="DIR", help="the site's folder; default: site"
    )
    parser.add_argument(
        "--level",
        choices=LEVELS[LEVELS.index("consistent") : -1],
        default="consistent",
        help="verify each new bundle up to this level, which is what the site then says; default: consistent",
    )
    parser.add_argument("--bundle-url", default="", metavar="URL", help="where the bundles can be had from")
    parser.add_argument("--url", default="", metavar="URL", help="where the site will be, for its feed")
    add_tasks_option(parser)


def run(args: argparse.Namespace) -> int:
    """Build what changed. Raises CheckError for results that were refused, after the site is built."""
    from harness.cli.collecting import collect
    from harness.site import SiteRequest, build_site

    collection = collect(args.paths or [Path("results")], args.task_folders, args.level)
    report = build_site(SiteRequest(collection, args.out, args.bundle_url, args.url))
    for note in report.notes:
        log(note)
    counts = (count_of(report.results, "result"), count_of(report.pages, "page"), count_of(report.changed, "file"))
    log("{} on {}, {} changed".format(*counts))
    show(str(args.out / "index.html"))
    if collection.problems:
        raise CheckError(*collection.problems)
    return 0
