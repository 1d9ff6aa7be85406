"""What the commands that record ask without a configuration: embedded models, or the demo's simulated ones.

`choose_models` downloads what is missing and returns the entries of the embedded models; none means the demo, with one
line that says why. `planned_models` lists the same without a download.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from harness.cli.console import command_line, log
from harness.embedded import (
    EmbeddedModel,
    check_server,
    fetch_model,
    find_file,
    get_embedded_model,
    load_catalog,
    model_config,
)
from harness.errors import DownloadError
from harness.files import cache_folder
from harness.servers import default_urls, find_servers
from harness.types import Model

ALL_MODELS = "all"


def choose_models(args: argparse.Namespace) -> tuple[Model, ...]:
    """The embedded models that this machine has now, as entries of a run; none if the demo has to answer.

    Raises DiskError, and DownloadError for a model that was asked for by name.
    """
    if args.simulated:
        _log_demo("--simulated")
        return ()
    log_servers(default_urls())
    models = planned_models(args)
    try:
        check_server()
    except DownloadError as error:
        if args.embedded:
            raise
        _log_demo(f"{error.message}. To measure this machine, {error.fix}")
        return ()
    _log_downloads([model for model in models if find_file(model) is None])
    return tuple(model_config(model) for model in fetch_each(models, required=bool(args.embedded)))


def planned_models(args: argparse.Namespace) -> tuple[EmbeddedModel, ...]:
    """The embedded models that the options name, by default the two smallest. Raises ConfigError."""
    named = tuple(get_embedded_model(name) for name in dict.fromkeys(args.embedded) if name != ALL_MODELS)
    if ALL_MODELS in args.embedded:
        return load_catalog()
    return named or tuple(model for model in load_catalog() if model.is_default)


def fetch_each(models: Sequence[EmbeddedModel], *, required: bool) -> list[EmbeddedModel]:
    """The models whose files can be had; one whose source is gone is one line, if it was not asked for by name."""
    fetched, failures = [], []
    for model in models:
        try:
            fetch_model(model, log)
            fetched.append(model)
        except DownloadError as error:
            if required:
                raise
            failures.append(error)
    if not fetched:
        _log_demo(failures[0].message)
        return []
    for failure in failures:
        log(f"left out: {failure.message}")
    return fetched


def log_servers(urls: Sequence[str]) -> None:
    """Name the model servers that answer at these URLs, and how to measure them."""
    servers = find_servers(urls)
    for server in servers:
        names = ", ".join(model.id for model in server.models) or "no models"
        log(f"a model server ({server.kind.title}) answers at {server.base_url} and lists {names}")
    if servers:
        log("to measure your own models instead:")
        log(f"  {command_line('init')}")
        log(f"  {command_line('bench --config bench.toml')}")


def _log_downloads(missing: Sequence[EmbeddedModel]) -> None:
    if missing:
        sizes = ", ".join(f"{model.name} {model.size_bytes / 1e6:,.0f} MB" for model in missing)
        log(f"real models are measured; not on this machine yet: {sizes}")
        log(f"into {cache_folder()}; Ctrl-C keeps what has arrived, LANEBENCH_NO_DOWNLOAD=1 refuses")


def _log_demo(reason: str) -> None:
    log(f"the demo's simulated models answer, so that you see every stage; nothing is measured: {reason}")
