"""`lanebench probe`: compares what a live server does with what the TOML of its kind states."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Iterator, Sequence

from harness.cli.console import log, show
from harness.cli.fixes import suggest
from harness.errors import ConfigError, DiskError, ServerError
from harness.types import Json, Model, ProbeFinding, ProbeReport

NAME = "probe"
HELP = "Compare a live server with the TOML file of its kind, with at most eleven requests."


def options(parser: argparse.ArgumentParser) -> None:
    """Which server, which model, and how long a prompt."""
    parser.add_argument("--server", required=True, metavar="KIND", help="a server kind of harness/servers/")
    parser.add_argument("--base-url", required=True, metavar="URL", help="up to and including /v1")
    parser.add_argument("--model", default="", metavar="ID", help="required if the server lists more than one")
    parser.add_argument("--key-env", metavar="NAME", help="the environment variable that holds the API key")
    parser.add_argument("--context", type=int, metavar="N", help="the context in tokens that you configured")
    parser.add_argument("--no-long", action="store_true", help="skip the long request")
    parser.add_argument("--long-tokens", type=int, metavar="N", help="length of the long request in tokens")
    parser.add_argument("--api", metavar="NAME", help="ask instead what the server does over an API, and name each gap")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def run(args: argparse.Namespace) -> int:
    """Send the requests and print what they show. Raises ServerError, ConfigError."""
    from harness.files import to_json
    from harness.run import keep_probe
    from harness.servers import ServerHandle, get_server_kind, probe

    _check_numbers(args)
    if args.api is not None:
        return _run_api(args)
    kind, api_key = get_server_kind(args.server), _api_key(args.key_env)
    model = Model("probe", kind.name, args.base_url, args.model, context_tokens=args.context, key_env=args.key_env)
    log(f"probing {args.base_url}")
    try:
        report = probe(ServerHandle(model, kind, api_key), long=not args.no_long, long_tokens=args.long_tokens)
    except ServerError as error:
        error.add_fix("name the model with --model, or correct --server or the key of --key-env")
        raise
    try:
        keep_probe(args.base_url, report)
    except DiskError as error:
        log(f"no forecast of later runs from this probe: {error.message}")
    show(to_json(report, indent=1) if args.json else render(report))
    return 0


def _check_numbers(args: argparse.Namespace) -> None:
    """Refuse numbers that are no sizes, and those that --api does not use. Raises ConfigError."""
    for option, value in (("--context", args.context), ("--long-tokens", args.long_tokens)):
        if value is not None and value < 1:
            raise ConfigError(f"{option} must be at least 1, not {value}", fix=f"correct {option}")
    if args.api is not None and (args.no_long or args.context is not None or args.long_tokens is not None):
        message = "--api sends short requests only: --context, --no-long and --long-tokens say nothing to it"
        raise ConfigError(message, fix="leave them out, or leave --api out")


def _run_api(args: argparse.Namespace) -> int:
    """Ask the server over one API. Raises ServerError, ConfigError."""
    from harness.apis import APIS
    from harness.files import to_json
    from harness.servers import ServerHandle, get_server_kind, probe_api

    if args.api not in APIS:
        raise ConfigError(f"--api {args.api}: there is no such API", fix=f"use one of: {', '.join(APIS)}")
    kind, title = get_server_kind(args.server), APIS[args.api].title
    model = Model("probe", kind.name, args.base_url, args.model, api=args.api)
    log(f"asking {args.base_url} over the {title} API, about a dozen short requests")
    with suggest("name the model with --model, or correct --base-url", ServerError):
        findings = probe_api(ServerHandle(model, kind, _api_key(args.key_env)))
        if args.json:
            show(to_json(list(findings), indent=1))
        else:
            for line in api_lines(kind.title, title, findings):
                show(line)
    return 0


def api_lines(server: str, api: str, findings: Iterable[ProbeFinding]) -> Iterator[str]:
    """One line for each feature, as soon as it was asked for; the last one names the gaps and what was not shown."""
    from harness.report import plain_text

    yield from (f"{server} over the {api} API", "")
    found = []
    for finding in findings:
        found.append(finding)
        # Here and not only where it is printed: a server's newline must not begin another row.
        yield plain_text(f"{finding.name:<14}  {_api_word(finding):<10}  {finding.note or ''}").rstrip()
    yield from ("", _summary(found))


def _api_word(finding: ProbeFinding) -> str:
    if finding.stated is False:
        return "not in API"
    return {None: "not shown", True: "works", False: "GAP"}[finding.agrees]


def _summary(findings: Sequence[ProbeFinding]) -> str:
    """The gaps, and what this model did not show."""
    names = {
        word: [finding.name for finding in findings if _api_word(finding) == word] for word in ("GAP", "not shown")
    }
    if names["GAP"] == ["text"]:
        return "without an answer nothing more was asked"
    gaps = f"gaps: {', '.join(names['GAP'])}" if names["GAP"] else "no gaps"
    return f"{gaps}; not shown: {', '.join(names['not shown'])}" if names["not shown"] else gaps


def render(report: ProbeReport) -> str:
    """The report as a table; a last line names what differs."""
    head: list[tuple[str, ...]] = [
        ("server kind", report.server),
        ("version", report.version or "unknown"),
        ("models", ", ".join(report.models) or "none listed"),
        ("model", report.model),
        ("context configured", _cell(report.context_configured)),
        ("context reported", _cell(report.context_reported)),
        ("context of the model", _cell(report.context_model)),
        ("context reached", _cell(report.context_probed)),
        ("prefill, about", _rate(report.prefill_tps)),
        ("decode, about", _rate(report.decode_tps)),
    ]
    body: list[tuple[str, ...]] = [("fact", "stated", "observed", "", ""), *map(_row, report.findings)]
    differing = [finding.name for finding in report.findings if finding.agrees is False]
    file = f"harness/servers/{report.server}.toml"
    foot = (
        f"{len(differing)} differ from {file}: {', '.join(differing)}" if differing else f"nothing differs from {file}"
    )
    requests = f"{report.short_requests} short and {report.long_requests} long requests"
    return "\n".join([*_align(head), "", *_align(body), "", f"{foot} ({requests})"])


def _api_key(variable: str | None) -> str | None:
    if variable is None:
        return None
    api_key = os.environ.get(variable)
    if not api_key:
        raise ConfigError(f"--key-env {variable}: the environment variable is not set", fix=f"export {variable} first")
    return api_key


def _rate(tps: float | None) -> str:
    return "-" if tps is None else f"{tps:,.0f} tok/s"


def _cell(value: Json) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "nothing"
    return str(value)


def _row(finding: ProbeFinding) -> tuple[str, str, str, str, str]:
    verdict = {None: "", True: "agrees", False: "DIFFERS"}[finding.agrees]
    return finding.name, _cell(finding.stated), _cell(finding.observed), verdict, finding.note or ""


def _align(rows: list[tuple[str, ...]]) -> list[str]:
    from harness.report import plain_text

    # Here and not only where it is printed: a server's newline must not begin another row.
    rows = [tuple(map(plain_text, row)) for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
