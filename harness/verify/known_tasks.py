"""Checks of a result's tasks, suite and lanes against what is known locally: task folders, and the kit's own lanes."""

from __future__ import annotations

from collections.abc import Iterator

from harness import __version__
from harness.files import plain
from harness.run import task_info
from harness.tasks import find_fixtures, is_kit_task, lane_differences, retired_at
from harness.types import CUSTOM_SUITE, Finding, Severity, TaskInfo
from harness.verify.clocks import epoch_s
from harness.verify.evidence import Evidence, same_task


def check_tasks(evidence: Evidence) -> Iterator[Finding]:
    """Each task is known locally with the same digest and the same description."""
    for at, info in enumerate(evidence.result.tasks):
        location, task = evidence.location(f"$.tasks[{at}]"), evidence.tasks.get(info.name)
        if task is None:
            yield Finding("tasks", location, f"no task {info.name!r} is known locally", "inconclusive")
        elif task.sha256 != info.sha256:
            yield from _other_contents(evidence, info, f"{location}.sha256")
        elif plain(task_info(task)) != plain(info):
            yield Finding("tasks", location, f"the description of {info.name} is not that of the task with this digest")


def check_retired(evidence: Evidence) -> Iterator[Finding]:
    """Tasks that were mended since let wrong answers pass: a note names them, a warning if the run came later."""
    fixtures, started_s = find_fixtures(), epoch_s(evidence.result.run.started_at)
    mended = {
        info.name: time
        for info in evidence.result.tasks
        if same_task(evidence, info.name) is not None and (time := retired_at(info.sha256, fixtures)) is not None
    }
    late = [name for name, time in mended.items() if started_s is not None and started_s > time.timestamp()]
    earlier = [name for name in mended if name not in late]
    location, why = evidence.location("$.tasks"), "what passed here may be refused by the present tasks"
    if late:
        yield Finding("tasks", location, f"mended before this run began, so that {why}: {', '.join(late)}", "warning")
    if earlier:
        yield Finding("tasks", location, f"mended since, so that {why}: {', '.join(earlier)}", "info")


def _other_contents(evidence: Evidence, info: TaskInfo, location: str) -> Iterator[Finding]:
    """A task of the kit has one content in each version of the kit: other cases under its name are no such task."""
    if is_kit_task(info.name) and evidence.result.kit.version == __version__:
        message = f"{info.name} is the name of a task of lanebench {__version__}, which has other contents"
        yield Finding("tasks", location, message)
    else:
        message = f"{info.name} is another version than the one known locally"
        yield Finding("tasks", location, message, "inconclusive")


def check_suite(evidence: Evidence) -> Iterator[Finding]:
    """A run of a suite has exactly its tasks: a task that was left out would be a failure that nobody sees."""
    run, location = evidence.result.run, evidence.location("$.run.suite")
    if run.suite == CUSTOM_SUITE or not evidence.tasks:
        return
    found = {info.name for info in evidence.result.tasks}
    suite = {name for name, task in evidence.tasks.items() if run.suite in task.suites}
    # A suite may change with the kit: its tasks are certain only for the same version.
    severity: Severity = "error" if evidence.result.kit.version == __version__ else "inconclusive"
    if not suite:
        # A suite of tasks in a folder of the user's own, such as an imported set, is unknown where that folder is.
        unknown: Severity = severity if found <= set(evidence.tasks) else "inconclusive"
        yield Finding("suite", location, f"no suite {run.suite!r} is known locally", unknown)
        return
    if missing := sorted(suite - found):
        yield Finding("suite", location, f"tasks of {run.suite} are missing: {', '.join(missing)}", severity)
    for name in sorted(found & set(evidence.tasks) - suite):
        yield Finding("suite", location, f"{name} is not a task of {run.suite}", severity)


def check_lanes(evidence: Evidence) -> Iterator[Finding]:
    """A lane under the name of a built-in one is that lane: its answer is read as the answer to the kit's question."""
    result = evidence.result
    known = [task for info in result.tasks if (task := same_task(evidence, info.name)) is not None]
    tasks = known if len(known) == len(result.tasks) else None
    # The kit's lanes may change with its version.
    severity: Severity = "warning" if result.kit.version == __version__ else "info"
    for at, lane in enumerate(result.lanes):
        if differences := "; ".join(lane_differences(lane, tasks)):
            message = f"{lane.name} is a lane of the kit, which this one is not: {differences}"
            yield Finding("lanes", evidence.location(f"$.lanes[{at}]"), message, severity)
