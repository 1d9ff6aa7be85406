"""`lanebench proxy`: sits between an agent and its server and keeps every exchange with its arrival times."""

from __future__ import annotations

import argparse
import gc
import os
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.console import count_of, log, show
from harness.cli.fixes import suggest
from harness.errors import ConfigError

if TYPE_CHECKING:
    from harness.proxy import ProxyHandle

NAME = "proxy"
HELP = "Pass on every request of a client to a server unchanged, and record each exchange with its times."
TOKEN_VARIABLE = "LANEBENCH_PROXY_TOKEN"  # noqa: S105
"""The environment variable with the token; an argument would be seen by every user of the machine."""


def options(parser: argparse.ArgumentParser) -> None:
    """From where to where, and where the record goes."""
    parser.add_argument("--to", required=True, metavar="URL", help="the server, as http://HOST:PORT")
    parser.add_argument(
        "--listen",
        default="127.0.0.1:8081",
        metavar="HOST:PORT",
        help=f"where the proxy listens; other than on loopback it demands {TOKEN_VARIABLE} as the client's API key. "
        "Default: %(default)s.",
    )
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="the folder of the session's record")


def run(args: argparse.Namespace) -> int:
    """Run the proxy until Ctrl-C. Raises ConfigError, RunError, DiskError."""
    from harness.proxy import JOURNAL, ProxySettings, parse_listen, parse_target, serve

    target, token = parse_target(args.to), os.environ.get(TOKEN_VARIABLE) or None
    settings = ProxySettings(target, parse_listen(args.listen), args.out, token)

    def ready(handle: ProxyHandle) -> None:
        log(f"{handle.url} passes on to {target} and records into {args.out / JOURNAL}; stop it with Ctrl-C")

    # What was imported lives as long as the process; to search it for garbage takes 13 ms, in which no chunk moves.
    gc.freeze()
    with suggest(f"export {TOKEN_VARIABLE}=TOKEN and give it to the agent as its API key", ConfigError):
        exchanges = serve(settings, show, ready)
    log(f"{count_of(exchanges, 'exchange')} added to {args.out / JOURNAL}")
    return 0
