"""`lanebench probe`: what a live server does, beside what its kind's TOML states of it."""

from __future__ import annotations

import argparse
import os

from harness.cli.console import say, show
from harness.errors import ConfigError
from harness.files import to_json
from harness.record import Client, Timeouts
from harness.servers import ServerHandle, get_server_kind, probe
from harness.types import Json, Model, ProbeFinding, ProbeReport

NAME = "probe"
HELP = "Ask a live server, by at most ten short requests and one long one, what its kind's TOML states of it."


def options(parser: argparse.ArgumentParser) -> None:
    """Which server, which model, how."""
    parser.add_argument("--server", required=True, metavar="KIND", help="a server kind of harness/servers/")
    parser.add_argument("--base-url", required=True, metavar="URL", help="up to and with /v1")
    parser.add_argument("--model", default="", metavar="ID", help="needed where the server lists more than one")
    parser.add_argument("--key-env", metavar="NAME", help="the environment variable that holds the API key")
    parser.add_argument("--context", type=int, metavar="N", help="tokens of context that you set")
    parser.add_argument("--no-long", action="store_true", help="leave the long request out")
    parser.add_argument("--long-tokens", type=int, metavar="N", help="length of the long request")
    parser.add_argument("--json", action="store_true", help="print JSON, not a table")


def _secret(name: str | None) -> str | None:
    if name is None:
        return None
    secret = os.environ.get(name)
    if not secret:
        raise ConfigError(f"--key-env {name}: the environment has no {name}: export it first")
    return secret


def _word(value: Json) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "nothing"
    return str(value)


def _row(one: ProbeFinding) -> tuple[str, str, str, str, str]:
    verdict = {None: "", True: "agrees", False: "DIFFERS"}[one.agrees]
    return one.name, _word(one.stated), _word(one.live), verdict, one.note or ""


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def render(report: ProbeReport) -> str:
    """The report as a table, what differs named again at its foot."""
    head: list[tuple[str, ...]] = [
        ("server kind", report.server),
        ("version", report.version or "not told"),
        ("models", ", ".join(report.models) or "none listed"),
        ("asked", report.model),
        ("context set", _word(report.context_configured)),
        ("context told", _word(report.context_reported)),
        ("context of the model", _word(report.context_model)),
        ("context met", _word(report.context_probed)),
    ]
    body: list[tuple[str, ...]] = [("fact", "stated", "live", "", ""), *map(_row, report.findings)]
    differ = [one.name for one in report.findings if one.agrees is False]
    foot = (
        f"{len(differ)} differ from harness/servers/{report.server}.toml: {', '.join(differ)}"
        if differ
        else f"nothing differs from harness/servers/{report.server}.toml"
    )
    asked = f"{report.short_requests} short and {report.long_requests} long requests"
    return "\n".join([*_table(head), "", *_table(body), "", f"{foot} ({asked})"])


def run(args: argparse.Namespace) -> int:
    """Ask and print. Raises ServerError, ConfigError."""
    kind, secret = get_server_kind(args.server), _secret(args.key_env)
    model = Model("probe", kind.name, args.base_url, args.model, context_tokens=args.context, key_env=args.key_env)
    with Client(Timeouts()) as client:
        say(f"asking {args.base_url}")
        report = probe(ServerHandle(client, model, kind, secret), long=not args.no_long, long_tokens=args.long_tokens)
    show(to_json(report, indent=1) if args.json else render(report))
    return 0
