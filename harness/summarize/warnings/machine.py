"""Warnings about the machine, the version of Lanebench, and tasks or trials that were not run."""

from __future__ import annotations

from collections.abc import Iterator

from harness.types import MIN_TRIALS, HostFacts, Result, ResultWarning

MIN_SWAP_BYTES = 256 * 1024 * 1024
MIN_SWAP_GROWTH_BYTES = 64 * 1024 * 1024
MAX_LOAD_PER_CORE = 0.5


def simulated(result: Result) -> Iterator[ResultWarning]:
    """Numbers of the demo server are no measurements."""
    for model in result.models:
        if model.simulated:
            text = f"{model.label} is simulated: its numbers measure no real model, and this result cannot be published"
            yield ResultWarning("simulated", text, model.label)


def kit_dirty(result: Result) -> Iterator[ResultWarning]:
    """Nobody else can run a version of Lanebench with uncommitted changes."""
    if result.kit.dirty:
        text = "Lanebench had uncommitted changes: nobody else can run the version that produced this result"
        yield ResultWarning("kit_dirty", text)


def host_state(result: Result) -> Iterator[ResultWarning]:
    """Battery, low power mode, swap, throttling and other programs: each of them changes speeds."""
    host = result.host
    checks = (
        ("host_battery", _on_battery(host)),
        ("host_low_power", "low power mode was on: speeds are reduced" if host.low_power_mode else None),
        ("host_swap", _swap_in_use(host)),
        ("host_thermal", _throttled(host)),
        ("host_busy", _busy(host)),
    )
    for code, text in checks:
        if text is not None:
            yield ResultWarning(code, text)


def _on_battery(host: HostFacts) -> str | None:
    if host.power_source is None or "battery" not in host.power_source.lower():
        return None
    return "the machine ran on battery: speeds may be reduced"


def _swap_in_use(host: HostFacts) -> str | None:
    used = host.swap_used_bytes or 0
    return f"{used / 2**30:.1f} GiB of swap were in use at the start" if used >= MIN_SWAP_BYTES else None


def _throttled(host: HostFacts) -> str | None:
    """`pmset -g therm` has limits such as CPU_Speed_Limit=72, 100 being the full speed, and warning levels from 0."""
    values = [part.partition("=") for part in (host.thermal_state or "").split()]
    if any(name.endswith("Speed_Limit") and value != "100" for name, _, value in values):
        return f"the CPU was thermally throttled at the start ({host.thermal_state})"
    if any(name.endswith("Warning_Level") and value != "0" for name, _, value in values):
        return f"the system had recorded a thermal or performance warning at the start ({host.thermal_state})"
    return None


def _busy(host: HostFacts) -> str | None:
    if host.load_1m is None or not host.cpu_cores or host.load_1m <= MAX_LOAD_PER_CORE * host.cpu_cores:
        return None
    return f"other programs used the CPU at the start (load average {host.load_1m:.1f})"


def trials_not_run(result: Result) -> Iterator[ResultWarning]:
    """A model that was stopped, or that lacks planned trials: its incomplete tasks have no rate and no rank."""
    for model in result.models:
        rates = {cell.task: cell.pass_rate for cell in result.cells if cell.model == model.label}
        missing = [f"{task} {rate.planned - rate.n} of {rate.planned}" for task, rate in rates.items()
                   if not rate.is_complete]  # fmt: skip
        not_run = f"; not run: {', '.join(missing)}; these tasks have no rate" if missing else ""
        if model.stop_reason is not None:
            yield ResultWarning(
                "model_stopped", f"{model.label} was stopped: {model.stop_reason}{not_run}", model.label
            )
        elif missing:
            text = f"{model.label}: the run ended before all its trials{not_run}"
            yield ResultWarning("trials_not_run", text, model.label)


def tasks_skipped(result: Result) -> Iterator[ResultWarning]:
    """A task that does not fit into the served context was skipped and is in no denominator."""
    for model in result.models:
        for skipped in model.skipped:
            text = (
                f"skipped: it needs {skipped.required_tokens} tokens of context, {skipped.available_tokens} are served"
            )
            yield ResultWarning("task_skipped", f"{model.label} on {skipped.task}: {text}", model.label, skipped.task)


def budgets_cut(result: Result) -> Iterator[ResultWarning]:
    """The served context leaves a task fewer tokens for thinking than the run allows."""
    for model in result.models:
        for cut in model.cut_budgets:
            allowed = f"{cut.thinking_tokens} of the {result.run.thinking_tokens} tokens for thinking fit the context"
            yield ResultWarning("budget_cut", f"{model.label} on {cut.task}: {allowed}", model.label, cut.task)


def swap_grew(result: Result) -> Iterator[ResultWarning]:
    """Swapping while a model generates invalidates its speeds."""
    for model in result.models:
        growth = model.swap_growth_bytes or 0
        if growth >= MIN_SWAP_GROWTH_BYTES:
            size = f"{growth / 2**20:.0f} MiB"
            text = f"swap grew by {size} during its trials: its speeds were measured under memory pressure"
            yield ResultWarning("swap_grew", f"{model.label}: {text}", model.label)


def not_restored(result: Result) -> Iterator[ResultWarning]:
    """Services that the run stopped and could not start again."""
    for change in result.run.stopped_services:
        if change.restored is False:
            note = f": {change.note}" if change.note else ""
            yield ResultWarning("not_restored", f"stopped for the run and not restored: {change.service}{note}")


def few_trials(result: Result) -> Iterator[ResultWarning]:
    """Too few trials for an interval of a median, by the plan or because the run ended early."""
    # A cell without a trial has no number; that it was skipped or not run is a warning of its own.
    counts = {cell.pass_rate.n for cell in result.cells if cell.pass_rate.n > 0} or {result.run.trials}
    fewest = min(counts)
    if fewest < MIN_TRIALS:
        which = "per task" if len(counts) == 1 else "of the task with the fewest"
        text = (
            f"{fewest} trial{'' if fewest == 1 else 's'} {which}: speeds have no interval below {MIN_TRIALS} trials, "
            "and only large differences of pass rates are detectable"
        )
        yield ResultWarning("few_trials", text)


def context_smaller(result: Result) -> Iterator[ResultWarning]:
    """The server provides less context than was requested."""
    for model in result.models:
        requested, served = model.context_tokens, model.served_context_tokens
        if requested is not None and served is not None and served < requested:
            text = f"{model.label}: {requested} tokens of context were requested, the server reports {served}"
            yield ResultWarning("context_smaller", text, model.label)


def private_includes(result: Result) -> Iterator[ResultWarning]:
    """Nobody else can repeat a task with private files."""
    for task in result.private_tasks.values():
        files = ", ".join(task.private_includes)
        text = f"{task.name} includes private files ({files}): only their digests are published"
        yield ResultWarning("private_includes", text, task=task.name)
