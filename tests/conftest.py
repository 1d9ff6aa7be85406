"""What all tests share: a lifecycle state of their own, and an order of files that keeps several processes busy."""

import gc
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, settings

from tests.deep import DEEP, part_and_whole

LONG_FILES = (
    "test_sandbox_languages.py",
    "test_sandbox.py",
    "test_cli.py",
    "test_story.py",
    "test_attacks.py",
    "test_sandbox_calls.py",
    "test_harm.py",
    "test_calibration_scorer_rate.py",
    "test_fixtures.py",
    "test_faults.py",
    "test_timing_run.py",
    "test_lifecycle.py",
    "test_verify_mutations.py",
    "test_reference.py",
    "test_score_extraction.py",
    "test_faults_kill.py",
    "test_hostile.py",
    "test_report_page.py",
    "test_verify_reject.py",
    "test_one_place.py",
    "test_run_oddities.py",
)
"""The files that take longest start first, so that none is still running alone when all others are done.

pytest-xdist hands out whole files in the order of collection (`--no-loadscope-reorder`).
"""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Move the tests of the long files to the front, and leave deep searches out unless `-m` names them."""
    order = {name: at for at, name in enumerate(LONG_FILES)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))
    if DEEP not in config.option.markexpr:
        is_deep = {item: item.get_closest_marker(DEEP) is not None for item in items}
        config.hook.pytest_deselected(items=[item for item in items if is_deep[item]])
        items[:] = [item for item in items if not is_deep[item]]


# Processes share the cores, so that an example may take any time by the clock: by default a late one fails its test.
settings.register_profile("shared cores", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared cores")

# Collection makes a hundred thousand objects that live until the end: to scan them for garbage, again and again while
# they are made and an eighth of the time afterwards, frees nothing.
gc.disable()


def pytest_collection_finish() -> None:
    """Collect garbage from here on among what the tests make, and seldom: most of it is gone without a scan."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000)
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def lifecycle_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the state of runs in a folder of this process: not in the user's own, nor in that of another process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LANEBENCH_STATE", str(tmp_path_factory.mktemp("state") / "lifecycle.json"))
        yield


@pytest.fixture(scope="session", autouse=True)
def no_downloads(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[None]:
    """Keep every test off the user's cache of models, and off the network: without a configuration the demo answers."""
    cache = _shared_folder(tmp_path_factory) / "cache"
    # Without the plugin `cacheprovider` nothing is kept.
    kept = pytestconfig.cache.mkdir("charts") if hasattr(pytestconfig, "cache") else cache
    _copy_chart_scripts(kept, cache)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LANEBENCH_CACHE", str(cache))
        patch.setenv("LANEBENCH_NO_DOWNLOAD", "1")
        yield
    _copy_chart_scripts(cache, kept)


def _copy_chart_scripts(source: Path, target: Path) -> None:
    """Keep the page's chart library from run to run, in pytest's cache: to bundle it takes three seconds of CPU time.

    Nothing else is kept. A file's name has the version of what it was made with, so that a kept one is as good as new.
    """
    target.mkdir(parents=True, exist_ok=True)
    for path in source.glob("charts-*.js"):
        if not (target / path.name).exists():
            # Another process may read it already.
            copy = shutil.copy(path, target / f".{path.name}-{os.getpid()}")
            Path(copy).replace(target / path.name)


@pytest.fixture(params=part_and_whole("part", "whole"))
def part_or_whole(request: pytest.FixtureRequest) -> str:
    """Which run of the tests this is; the test that uses it belongs to both."""
    return str(request.param)


def _shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this run of the tests; pytest-xdist gives each of its processes a folder inside it."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def oracle() -> ModuleType:
    """scipy.stats, imported only by tests that use it: it takes longer than the whole of the kit."""
    from scipy import stats

    return stats
