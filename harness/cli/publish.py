"""`lanebench publish`: a run as a bundle that others can check."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.bundle import Order, publish, write_eee
from harness.cli.console import command, say, show
from harness.cli.report import load_result
from harness.cli.run_options import add_tasks_option
from harness.tasks import find_fixtures, load_tasks
from harness.verify import Asked, verify

NAME = "publish"
HELP = "Make a bundle of a run that others can check; refuses what would mislead or tell who you are."


def options(parser: argparse.ArgumentParser) -> None:
    """Which run, and how."""
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="a folder under results/")
    parser.add_argument("--output", type=Path, default=Path("results"), metavar="DIR", help="where the bundle goes")
    parser.add_argument("--sign", type=Path, metavar="KEY", help="sign its manifest with this SSH key")
    parser.add_argument("--supersedes", type=Path, metavar="ZIP", help="the published bundle that this one corrects")
    parser.add_argument("--reason", metavar="TEXT", help="what was wrong with it")
    parser.add_argument("--eee", action="store_true", help="write the Every Eval Ever form beside it too")
    add_tasks_option(parser)


def run(args: argparse.Namespace) -> int:
    """Check it, make the bundle, say what comes next. Raises CheckError with every reason not to publish."""
    own = load_tasks(args.task_folders) if args.task_folders else ()
    tasks = {task.name: task for task in (*load_tasks([find_fixtures()]), *own)}
    order = Order(
        args.run_folder,
        args.output,
        lambda run_folder: verify(run_folder, Asked("reread", tasks=tasks)),
        key=args.sign,
        supersedes=args.supersedes,
        reason=args.reason,
    )
    path = publish(order)
    show(str(path))
    if args.eee:
        for written in write_eee(load_result(args.run_folder), path.with_suffix(".eee")):
            say(f"also {written}")
    if args.sign is not None:
        say("signed: that the bytes have not changed since you signed them, no more; others need your public key")
    say(f"check   {command(f'verify {path}')}")
    return 0
