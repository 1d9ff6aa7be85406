"""`open_cluster`: a scorer on the workers of a Dask cluster, at the address of its scheduler or made here."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from harness.errors import ConfigError, EngineError
from harness.score import scoring_threads
from harness.types import Log, TrialScorer

if TYPE_CHECKING:
    from distributed import Client

INSTALL = "pip install 'lanebench[cluster]'"
MAX_LOCAL_WORKERS = 64
KILLS_BEFORE_GIVING_UP = 3
_LOCAL = re.compile(r"local:([0-9]{1,2})")


@contextmanager
def open_cluster(
    address: str, run_id: str, log: Log, languages: Iterable[str], *, runtime: str | None = None
) -> Iterator[TrialScorer]:
    """A scorer on the cluster whose scheduler has this address, or with `local:N` on so many processes here.

    Raises ConfigError for a wrong address and where Dask is not installed, EngineError for a scheduler that does not
    answer. Certificates and timeouts are those of Dask's own configuration.
    """
    workers = _local_workers(address)
    try:
        from harness.cluster.client import ClusterScorer
        from harness.cluster.registry import WorkerRegistry
        from harness.cluster.worker import ScoringOrder
    except ImportError as error:
        raise ConfigError("Dask is not installed", fix=f"install it: {INSTALL}") from error
    order = ScoringOrder(run_id, tuple(sorted(set(languages))), runtime)
    with _remote_cluster(address) if workers is None else _local_cluster(workers) as client:
        log(f"cluster {address}, dashboard {client.dashboard_link}")
        with WorkerRegistry(client, order, log) as registry:
            yield ClusterScorer(client, registry, order)


def _local_workers(address: str) -> int | None:
    """The number of workers that `local:N` asks for; None for the address of a scheduler."""
    local = _LOCAL.fullmatch(address)
    if local is not None and 1 <= int(local[1]) <= MAX_LOCAL_WORKERS:
        return int(local[1])
    if "://" in address:
        return None
    fix = f"give tcp://HOST:8786, tls://HOST:8786 or local:N, N from 1 to {MAX_LOCAL_WORKERS}"
    raise ConfigError(f"{address!r} is no address of a cluster", fix=fix)


@contextmanager
def _remote_cluster(address: str) -> Iterator[Client]:
    from distributed import Client

    try:
        client = Client(address, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise EngineError(f"the cluster {address} does not answer: {error}", fix="start `dask scheduler`") from error
    with client:
        yield client


@contextmanager
def _local_cluster(workers: int) -> Iterator[Client]:
    import dask
    from distributed import Client, LocalCluster

    threads = max(1, scoring_threads() // workers)
    # The scheduler gives a trial up when it was lost more often than this.
    settings = {"distributed.scheduler.allowed-failures": KILLS_BEFORE_GIVING_UP - 1}
    with (
        dask.config.set(settings),
        LocalCluster(
            n_workers=workers, threads_per_worker=threads, dashboard_address=":0", silence_logs=logging.ERROR
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client
