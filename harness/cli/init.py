"""`lanebench init`: finds the servers that answer, lists their models and writes a commented bench.toml."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from harness.cli.console import command_line, log
from harness.errors import ConfigError, ServerError

NAME = "init"
HELP = "Find the servers that answer on their default ports, list their models, write a commented bench.toml."


def options(parser: argparse.ArgumentParser) -> None:
    """Where to look, and what to write."""
    parser.add_argument("--output", type=Path, default=Path("bench.toml"), metavar="FILE", help="the file to write")
    parser.add_argument(
        "--base-url", action="append", default=[], metavar="URL", help="additional URL to try; repeatable"
    )
    parser.add_argument("--only", action="store_true", help="look at --base-url only, not at the default ports")
    parser.add_argument("--force", action="store_true", help="overwrite an existing file")


def run(args: argparse.Namespace) -> int:
    """Find servers, write the file and check it. Raises ConfigError, ServerError, DiskError."""
    from harness.config import load_config
    from harness.files import write_atomic
    from harness.servers import count_left_out, default_urls, find_servers, write_config

    if args.only and not args.base_url:
        raise ConfigError("--only needs --base-url", fix="give a server's address with --base-url, or leave out --only")
    _check_urls(args.base_url)
    if args.output.exists() and not args.force:
        raise ConfigError(f"{args.output} exists already", fix="give another --output, or overwrite it with --force")
    urls = [*args.base_url, *(() if args.only else default_urls())]
    servers = find_servers(dict.fromkeys(urls))
    if not servers:
        raise ServerError(
            f"nothing answers at {', '.join(urls)}", fix="start a server, or give a server's address with --base-url"
        )
    run_command = command_line("bench --config", args.output)
    write_atomic(args.output, f"# Written by `lanebench init`. Measure with: {run_command}\n{write_config(servers)}")
    for server in servers:
        found = server.problem.message if server.problem else f"{len(server.models)} models"
        log(f"{server.kind.title} at {server.base_url}: {found}")
    left_out = count_left_out(servers)
    if left_out:
        log(f"{left_out} of them are commented out: a run has no room for more")
    models = load_config(args.output).models
    log(f"{args.output}: {len(models)} models; next: {run_command}")
    return 0


def _check_urls(urls: Sequence[str]) -> None:
    """Raises ConfigError for what is no URL; there is no base_url yet that could be corrected."""
    from harness.record import parse_url

    for url in urls:
        try:
            parse_url(url)
        except ConfigError as error:
            raise ConfigError(f"--base-url {error.message}", fix="write it as http://HOST:PORT/v1") from error
