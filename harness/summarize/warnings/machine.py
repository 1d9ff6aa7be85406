"""What a reader must know of the kit, the machine and what was asked before believing a number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from harness.summarize.cells import counted
from harness.types import Caveat, HostFacts, Result

SWAP_BYTES = 256 * 1024 * 1024
SWAP_GROWTH_BYTES = 64 * 1024 * 1024
BUSY_SHARE = 0.5
FEW_TRIALS = 6


def simulated(result: Result) -> Iterator[Caveat]:
    """The demo server's numbers are not measurements."""
    for model in result.models:
        if model.simulated:
            text = f"{model.label} is simulated: nothing here measures a model, and this result cannot be published"
            yield Caveat("simulated", text, model.label)


def kit_dirty(result: Result) -> Iterator[Caveat]:
    """A changed kit is a kit that nobody else has."""
    if result.kit.dirty:
        yield Caveat("kit_dirty", "the kit had changes that are not committed: nobody else can run what ran here")


def _host_texts(host: HostFacts) -> Mapping[str, str | None]:
    on_battery = host.power_source is not None and "battery" in host.power_source.lower()
    swapped = host.swap_used_bytes if (host.swap_used_bytes or 0) >= SWAP_BYTES else None
    limits = [part.split("=")[1] for part in (host.thermal_state or "").split() if "Speed_Limit=" in part]
    busy = host.load_1m is not None and host.cpu_cores and host.load_1m > BUSY_SHARE * host.cpu_cores
    return {
        "host_battery": "the machine ran on battery, which can slow it: speeds may be low" if on_battery else None,
        "host_low_power": "low power mode was on: speeds are low" if host.low_power_mode else None,
        "host_swap": f"{swapped / 2**30:.1f} GiB of swap were in use at the start" if swapped else None,
        "host_thermal": f"the processor was held back by heat at the start ({host.thermal_state})"
        if any(limit != "100" for limit in limits)
        else None,
        "host_busy": f"other programs kept the machine busy at the start (load {host.load_1m:.1f})" if busy else None,
    }


def host_state(result: Result) -> Iterator[Caveat]:
    """Battery, low power mode, swap, heat and other programs: all of them move speeds."""
    for code, text in _host_texts(result.host).items():
        if text is not None:
            yield Caveat(code, text)


def model_stopped(result: Result) -> Iterator[Caveat]:
    """A model that was stopped was not asked everything; what was not asked is named."""
    for model in result.models:
        if model.stop_reason is None:
            continue
        seen = Counter(trial.task for trial in counted(result, model.label))
        lacking = [
            f"{task.name} {result.run.trials - seen[task.name]} of {result.run.trials}"
            for task in result.tasks
            if seen[task.name] < result.run.trials
        ]
        left = f"; not asked: {', '.join(lacking)}" if lacking else ""
        yield Caveat("model_stopped", f"{model.label} was stopped: {model.stop_reason}{left}", model.label)


def trials_missing(result: Result) -> Iterator[Caveat]:
    """Planned trials that are not there count as not passed."""
    for one in result.cells:
        there = sum(one.outcomes.values())
        if there < one.rate.n:
            text = f"{one.rate.n - there} of {one.rate.n} planned trials are missing and count as not passed"
            yield Caveat("trials_missing", f"{one.model} on {one.task}: {text}", one.model, one.task)


def tasks_skipped(result: Result) -> Iterator[Caveat]:
    """A task that does not fit into the context that the server gives was not asked, and counts nowhere."""
    for model in result.models:
        for skipped in model.skipped:
            needed, served = skipped.required_tokens, skipped.available_tokens
            text = f"not asked: it needs {needed} tokens of context, {served} are served"
            yield Caveat("task_skipped", f"{model.label} on {skipped.task}: {text}", model.label, skipped.task)


def swap_grew(result: Result) -> Iterator[Caveat]:
    """Memory that went to the disk while a model answered spoils its speeds."""
    for model in result.models:
        if (model.swap_growth_bytes or 0) >= SWAP_GROWTH_BYTES:
            grown = (model.swap_growth_bytes or 0) / 2**20
            text = (
                f"{model.label}: swap grew by {grown:.0f} MiB during its trials: its speeds are those of a full memory"
            )
            yield Caveat("swap_grew", text, model.label)


def not_restored(result: Result) -> Iterator[Caveat]:
    """What on this machine is not as it was before the run."""
    for change in result.run.changes:
        if change.restored is False:
            note = f": {change.note}" if change.note else ""
            yield Caveat("not_restored", f"not as it was before the run: {change.service}{note}")


def few_trials(result: Result) -> Iterator[Caveat]:
    """A median of fewer than six values has no 95 % interval."""
    if result.run.trials < FEW_TRIALS:
        text = f"{result.run.trials} trials a task: speeds have no interval below {FEW_TRIALS}, and few rates differ"
        yield Caveat("few_trials", text)


def context_smaller(result: Result) -> Iterator[Caveat]:
    """A server that gives less room than it was asked for."""
    for model in result.models:
        asked, served = model.context_tokens, model.served_context_tokens
        if asked is not None and served is not None and served < asked:
            text = f"{model.label}: {asked} tokens of context were asked for, the server says {served}"
            yield Caveat("context_smaller", text, model.label)


def private_includes(result: Result) -> Iterator[Caveat]:
    """What only its owner can read, nobody else can run again."""
    for task in result.tasks:
        if task.private_includes:
            text = f"{task.name} holds private files ({', '.join(task.private_includes)}): others see only its digest"
            yield Caveat("private_includes", text, task=task.name)
