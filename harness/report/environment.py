"""Sections on the environment: tasks, models as configured, machine, sandbox, version of Lanebench, files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

from harness.report.elements import Entry, Section, Table, text_row
from harness.report.formatting import (
    MISSING,
    format_bool,
    format_bytes,
    format_optional,
    format_percent,
    format_seconds,
)
from harness.types import HostFacts, Json, ModelInfo, Result, TaskInfo

DIGEST_CHARS = 12
MAX_SETTING_CHARS = 80


def tasks(result: Result) -> Section:
    """Each task with its scorer, limits and digest."""
    rows = tuple(
        text_row(
            task.name,
            task.title,
            task.scorer,
            format_optional(task.language),
            _format_limits(task),
            str(task.variants),
            task.sha256[:DIGEST_CHARS],
        )
        for task in result.tasks
    )
    headers = ("task", "title", "scorer", "language", "container limits", "variants", "sha256")
    notes = tuple(
        f"{task.name} includes {len(task.private_includes)} private file(s) in its prompt. Only their digests are "
        "published, so nobody else can repeat the task"
        for task in result.private_tasks.values()
    )
    return Section("tasks", "Tasks", "", (Table("", headers, rows),), notes=notes)


def _format_limits(task: TaskInfo) -> str:
    limits = task.limits
    return MISSING if limits is None else f"{format_bytes(limits.memory_bytes)}, {limits.case_timeout_s:g} s per case"


def models(result: Result) -> Section:
    """Each model's request settings, and the facts that the config declares."""
    rows = tuple(
        text_row(
            model.label,
            f"{model.server} {model.server_version or ''}".strip(),
            model.model,
            model.thinking,
            _format_sampling(model),
            f"{format_optional(model.context_tokens)} / {format_optional(model.served_context_tokens)}",
        )
        for model in result.models
    )
    headers = ("model", "server", "id", "thinking", "sampling", "context requested / served")
    declared = tuple(
        f"{model.label} declares: " + ", ".join(f"{name} {_format_fact(value)}" for name, value in model.facts.items())
        for model in result.models
        if model.facts
    )
    return Section(
        "models",
        "Model configuration",
        "Server version and served context are reported by the server; all other settings are those of the requests.",
        (Table("", headers, rows),),
        notes=(*_extra_fields(result), *declared, *_unknown_facts(result)),
    )


def _format_sampling(model: ModelInfo) -> str:
    """The sampling parameters as they were sent: a model's extra fields override its sampling."""
    settings = asdict(model.sampling)
    sent = settings | {name: value for name, value in model.extra.items() if name in settings}
    known = [f"{name} {_format_setting(value)}" for name, value in sent.items() if value is not None]
    return ", ".join(known) or "nothing sent"


def _format_setting(value: Json) -> str:
    """A value of a request; of a long one the beginning and the length, for a grammar can hold a solution."""
    text = f"{value:g}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_SETTING_CHARS else f"{text[:MAX_SETTING_CHARS]}... ({len(text)} characters)"


def _extra_fields(result: Result) -> Iterator[str]:
    for model in result.models:
        if model.extra:
            fields = ", ".join(f"{name} {_format_setting(value)}" for name, value in sorted(model.extra.items()))
            yield f"{model.label} sends further fields in each request: {fields}"


def _format_fact(value: Json) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _unknown_facts(result: Result) -> Iterator[str]:
    """Facts of each measured model that are neither measured, reported nor declared."""
    for model in result.models:
        start = f"models.{model.label}."
        names = [
            path.removeprefix(start).removeprefix("facts.")
            for path, source in result.sources.items()
            if path.startswith(start) and source == "unknown"
        ]
        if names and not model.simulated:
            yield f"{model.label}, unknown: {', '.join(names)}"


def environment(result: Result) -> Section:
    """Machine, sandbox, Lanebench, run, and the digests of the files beside the result."""
    run = result.run
    warmups = f"{run.warmups} warm-up{'' if run.warmups == 1 else 's'} per prompt size"
    passes = f" in {run.passes} passes over the models" if run.design is None and run.passes > 1 else ""
    rows = [
        *_host_rows(result.host),
        ("sandbox", _format_sandbox(result)),
        ("Lanebench", _format_version(result)),
        ("self-test", _format_selftest(result)),
        *_overhead_rows(result),
        ("run", f"{run.id}: suite {run.suite}, {run.trials_words} per task{passes}, {warmups}, seed {run.seed}"),
        ("time", f"{run.started_at} to {run.ended_at}"),
        ("recordings sha256", format_optional(result.digests.recordings_sha256)),
        ("scores sha256", format_optional(result.digests.scores_sha256)),
        ("log sha256", format_optional(result.digests.log_sha256)),
    ]
    table = Table("", ("item", "value"), tuple(text_row(name, value) for name, value in rows))
    return Section("environment", "Machine, sandbox, version", "", (table, *_memory_tables(result)))


def _host_rows(host: HostFacts) -> list[tuple[str, str]]:
    cpu = f"{format_optional(host.chip)}, {host.architecture}, {format_optional(host.cpu_cores)} cores"
    return [
        ("machine", f"{cpu}, {format_bytes(host.memory_bytes)}"),
        ("GPU", _format_gpu(host)),
        ("system", f"{host.system} {host.system_version or ''}, Python {host.python_version}".replace(" ,", ",")),
        (
            "power and thermal",
            f"source {format_optional(host.power_source)}, low power mode {format_bool(host.low_power_mode)}, "
            f"power mode {format_optional(host.power_mode)}, thermal {format_optional(host.thermal_state)}, "
            f"load {format_optional(host.load_1m)}, swap used {format_bytes(host.swap_used_bytes)}",
        ),
    ]


def _format_gpu(host: HostFacts) -> str:
    """Cores and memory limit, and its use before the run."""
    cores = "cores unknown" if host.gpu_cores is None else f"{host.gpu_cores} cores"
    busy = MISSING if host.gpu_utilization_percent is None else f"{host.gpu_utilization_percent} %"
    return (
        f"{cores}, memory limit {format_bytes(host.gpu_wired_limit_bytes)}; before the run: memory in use "
        f"{format_bytes(host.gpu_memory_bytes)}, busy {busy}, programs {format_optional(host.gpu_processes)}"
    )


def _format_sandbox(result: Result) -> str:
    box = result.sandbox
    if box is None:
        return "none: no answer was executed"
    return (
        f"{box.engine} {box.engine_version}, {box.runtime}, cgroup {box.cgroup_version}, "
        f"rootless {format_bool(box.rootless)}, limits {', '.join(box.enforced_limits) or 'none'}, "
        f"seccomp profile: {box.seccomp or 'unknown'}, image {box.image} {box.image_digest}"
    )


def _format_version(result: Result) -> str:
    kit = result.kit
    commit = "" if kit.commit is None else f", commit {kit.commit[:DIGEST_CHARS]}"
    return f"lanebench {kit.version}{commit}{' with uncommitted changes' if kit.dirty else ''}"


def _format_selftest(result: Result) -> str:
    """Accuracy of the timings on this machine just before the run."""
    test = result.run.selftest
    if test is None:
        return "not run: no model was measured" if result.run.simulated else MISSING
    share = "an unknown share" if test.other_cpu_share is None else format_percent(test.other_cpu_share)
    return (
        f"TTFT error {format_seconds(test.ttft_error_s)} (bare socket {format_seconds(test.socket_error_s)}), token "
        f"timestamps up to {format_seconds(test.lag_p99_s)} late (99th percentile), decode rate error "
        f"{test.decode_error_percent:.2f} %; other processes used {share} of the CPU"
    )


def _overhead_rows(result: Result) -> Iterator[tuple[str, str]]:
    """CPU time and memory that Lanebench itself used while it recorded each model."""
    for model in result.models:
        use = model.recorder_overhead
        if use is not None and use.wall_s > 0:
            cpu = f"{100 * use.cpu_s / use.wall_s:.1f} % of a core over {format_seconds(use.wall_s)}"
            memory = f"peak memory {format_bytes(use.peak_rss_bytes)}"
            yield f"overhead during {model.label}", f"{cpu}, {use.turns} turns, {memory}"


def _memory_tables(result: Result) -> tuple[Table, ...]:
    """Memory before each model was loaded, while it was loaded, and after it was unloaded."""
    rows = tuple(row for model in result.models for row in _memory_rows(model))
    headers = ("model", "memory", "before", "loaded", "after")
    return (Table("Memory during each model's trials", headers, rows),) if rows else ()


def _memory_rows(model: ModelInfo) -> Iterator[tuple[Entry, ...]]:
    use = model.memory
    kinds = (
        (use.method or "", (use.before_bytes, use.loaded_bytes, use.after_bytes)),
        ("wired", (use.wired_before_bytes, use.wired_loaded_bytes, use.wired_after_bytes)),
        ("GPU", (use.gpu_before_bytes, use.gpu_loaded_bytes, use.gpu_after_bytes)),
    )
    for name, sizes in kinds:
        if any(size is not None for size in sizes):
            yield text_row(model.label, name, *map(format_bytes, sizes))
