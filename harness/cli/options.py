"""Command-line options that several commands share.

`add_run_options` is for the commands that record: its flags come from the options that `harness.types.RunSettings`
declares, and `settings_given` returns those that the user typed. `add_tasks_option` and `add_scoring_options` are for
the commands that read tasks and print results; `tasks_arguments` repeats their tasks for the next command.
"""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from harness.cli.arguments import StoreOnce
from harness.types import Json, Result, RunOption, RunSettings, run_options

FIRST_SETTINGS = RunSettings(suite="first", trials=3)
"""Those of a run without bench.toml: some five minutes on two cores for the two smallest models."""


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """The options of a command that records."""
    parser.add_argument(
        "--config",
        type=Path,
        action=StoreOnce,
        metavar="FILE",
        help="bench.toml; without one embedded models, with "
        f"suite {FIRST_SETTINGS.suite!r} and {FIRST_SETTINGS.trials} trials unless the options say otherwise",
    )
    parser.add_argument(
        "--embedded",
        action="append",
        default=[],
        metavar="NAME",
        help="an embedded model to measure, or all; repeatable",
    )
    parser.add_argument("--simulated", action="store_true", help="the demo's simulated models, which measure nothing")
    parser.add_argument("--resume", type=Path, metavar="RUN", help="continue this run folder")
    for option in run_options():
        if option.flag is not None:
            _add_flag(parser, option.flag, option)
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="print what would be started, loaded, queried and stopped, and do none of it",
    )
    parser.add_argument(
        "--results", type=Path, default=Path("results"), metavar="DIR", help="the parent of run folders"
    )
    add_tasks_option(parser)


def add_tasks_option(parser: argparse.ArgumentParser) -> None:
    """The folders of the user's own tasks."""
    parser.add_argument(
        "--tasks",
        dest="task_folders",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="a folder with your own tasks; repeatable",
    )


def tasks_arguments(folders: Sequence[Path]) -> list[str]:
    """The folders of the user's own tasks as they are given to a command that goes on with the same tasks."""
    return [word for folder in folders for word in ("--tasks", str(folder))]


def add_scoring_options(parser: argparse.ArgumentParser) -> None:
    """The output format and the container runtime of a command that scores."""
    parser.add_argument(
        "--format", choices=tuple(RESULT_FORMATS), default="text", help="github prints Markdown that can be pasted"
    )
    add_full_option(parser)
    parser.add_argument("--runtime", help="the engine's runtime for the containers, such as runsc (gVisor)")


def add_cluster_option(parser: argparse.ArgumentParser) -> None:
    """Where answers run: on this machine, or on the workers of a Dask cluster."""
    parser.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="score on a Dask cluster: tcp://HOST:8786, tls://HOST:8786, or local:N for N processes here",
    )


def add_full_option(parser: argparse.ArgumentParser) -> None:
    """Whether everything is printed, in place of one screen."""
    parser.add_argument("--full", action="store_true", help="print every table in place of one screen")


def render_result(result: Result, output_format: str, *, full: bool, closing: Sequence[str] = ()) -> str:
    """A result as the user wants to see it; `closing` ends the one screen that text is by default."""
    from harness.report import render_brief

    return (
        render_brief(result, closing) if output_format == "text" and not full else RESULT_FORMATS[output_format](result)
    )


def _render_text(result: Result) -> str:
    from harness.report import render_text

    return render_text(result)


def _render_github(result: Result) -> str:
    from harness.report import render_github

    return render_github(result)


RESULT_FORMATS: Mapping[str, Callable[[Result], str]] = {"text": _render_text, "github": _render_github}
"""Output format -> how a result is printed in it."""


def settings_given(args: argparse.Namespace) -> dict[str, Json]:
    """The run options that were given on the command line, by name."""
    given = {option.name: getattr(args, _dest(option)) for option in run_options() if option.flag is not None}
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in given.items() if value is not None
    }


def flags_given(args: argparse.Namespace) -> list[str]:
    """The flags of `settings_given`, as the user types them."""
    given = settings_given(args)
    return [option.flag for option in run_options() if option.flag is not None and option.name in given]


def _dest(option: RunOption) -> str:
    """The attribute of the parsed arguments; prefixed, since `--tasks` is something else than the option `tasks`."""
    return f"run_{option.name}"


def _add_flag(parser: argparse.ArgumentParser, flag: str, option: RunOption) -> None:
    is_list = option.schema["type"] == "array"
    text = f"{option.schema['description']}{' Repeatable.' if is_list else ''}"
    if "examples" in option.schema:
        text += f" Such as {' or '.join(option.schema['examples'])}."
    if option.schema.get("default", "") not in ("", False):
        text += f" Default: {option.schema['default']}."
    if option.schema["type"] == "boolean":
        # With its --no- form: bench.toml may have switched it on.
        parser.add_argument(flag, dest=_dest(option), action=argparse.BooleanOptionalAction, help=text)
        return
    parser.add_argument(
        flag,
        dest=_dest(option),
        action="append" if is_list else "store",
        type=_PARSERS[option.schema["type"]](option),
        metavar=option.metavar,
        help=text.replace("%", "%%"),
    )


def _number(option: RunOption) -> Callable[[str], int | float]:
    """A parser for an option's numbers that refuses what its JSON Schema refuses."""
    kind: type[int] | type[float] = int if option.schema["type"] == "integer" else float
    low, above = option.schema.get("minimum", -math.inf), option.schema.get("exclusiveMinimum", -math.inf)
    high = option.schema["maximum"]
    limits = f"from {low} to {high}" if above == -math.inf else f"above {above} and up to {high}"

    def parse(text: str) -> int | float:
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if low <= value <= high and value > above:
            return value
        raise argparse.ArgumentTypeError(f"expected {option.schema['type']} {limits}, got {text!r}")

    return parse


def _text(option: RunOption) -> Callable[[str], str]:
    """A parser for an option's strings that refuses what its JSON Schema refuses."""
    pattern = re.compile(option.schema.get("pattern", ".*"), re.DOTALL)
    examples = " or ".join(option.schema.get("examples", ()))
    form = f"; write it like {examples}" if examples else ""

    def parse(text: str) -> str:
        # "$" also matches before a newline at the end.
        if pattern.fullmatch(text):
            return text
        raise argparse.ArgumentTypeError(f"expected {option.metavar}, got {text!r}{form}")

    return parse


_PARSERS: Mapping[str, Callable[[RunOption], Callable[[str], Json]]] = {
    "array": lambda _: str,
    "string": _text,
    "integer": _number,
    "number": _number,
}
