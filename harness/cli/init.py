"""`lanebench init`: find the servers that answer, list their models, write a commented bench.toml."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.cli.console import command, say
from harness.config import load_config
from harness.errors import ConfigError, ServerError
from harness.files import write_atomic
from harness.record import Client, Timeouts
from harness.servers import default_urls, find_servers, write_config

NAME = "init"
HELP = "Find the servers that answer on their usual ports, list their models, write a commented bench.toml."

_TIMEOUTS = Timeouts(connect_s=1.0, request_s=5.0)


def options(parser: argparse.ArgumentParser) -> None:
    """Where to look and where to write."""
    parser.add_argument("--output", type=Path, default=Path("bench.toml"), metavar="FILE", help="the file to write")
    parser.add_argument("--base-url", action="append", default=[], metavar="URL", help="look here too")
    parser.add_argument("--only", action="store_true", help="look at --base-url only, not at the usual ports")
    parser.add_argument("--force", action="store_true", help="write over a file that is there")


def run(args: argparse.Namespace) -> int:
    """Look, write, check what was written. Raises ConfigError, ServerError, DiskError."""
    if args.output.exists() and not args.force:
        raise ConfigError(f"{args.output} is there already: give another --output, or --force to write over it")
    urls = [*args.base_url, *(() if args.only else default_urls())]
    with Client(_TIMEOUTS) as client:
        servers = find_servers(client, dict.fromkeys(urls))
    if not servers:
        raise ServerError(f"nothing answers at {', '.join(urls)}: start a server, or say where one is with --base-url")
    write_atomic(args.output, write_config(servers))
    for server in servers:
        say(f"{server.kind.title} at {server.base_url}: {server.fault or f'{len(server.models)} models'}")
    models = load_config(args.output).models
    say(f"{args.output}: {len(models)} models; next: {command(f'bench --config {args.output}')}")
    return 0
