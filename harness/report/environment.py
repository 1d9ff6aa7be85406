"""The sections on what was run: tasks, models as they were asked, machine, sandbox, kit, files."""

from __future__ import annotations

from collections.abc import Iterator

from harness.report.elements import Entry, Section, Table, line
from harness.report.formatting import NOTHING, known, percent, seconds, size, yes_no
from harness.types import HostFacts, Json, ModelInfo, Result, Sampling, TaskInfo

SHORT_DIGEST = 12


def _limits_words(task: TaskInfo) -> str:
    limits = task.limits
    return NOTHING if limits is None else f"{size(limits.memory_bytes)}, {limits.case_timeout_s:g} s a case"


def tasks(result: Result) -> Section:
    """Each task with its digest."""
    rows = tuple(
        line(
            task.name,
            task.title,
            task.scorer,
            known(task.language),
            _limits_words(task),
            str(task.variants),
            task.sha256[:SHORT_DIGEST],
        )
        for task in result.tasks
    )
    headers = ("task", "what is asked", "scorer", "language", "container", "variants", "sha256")
    notes = tuple(
        f"{task.name}: {len(task.private_includes)} private file(s) of its author are in the prompt; only their "
        "digests are published, so nobody else can ask the same"
        for task in result.tasks
        if task.private_includes
    )
    return Section("tasks", "Tasks", "", (Table("", headers, rows),), notes=notes)


def _sampling_words(sampling: Sampling) -> str:
    named = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "min_p": sampling.min_p,
        "seed": sampling.seed,
    }
    sent = [f"{name} {value:g}" for name, value in named.items() if value is not None]
    return ", ".join(sent) or "nothing sent"


def _context_words(model: ModelInfo) -> str:
    return f"{known(model.context_tokens)} / {known(model.served_context_tokens)}"


def _fact_words(value: Json) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def models(result: Result) -> Section:
    """Each model as it was asked, and what its owner declares of it."""
    rows = tuple(
        line(
            model.label,
            f"{model.server} {model.server_version or ''}".strip(),
            model.model,
            model.thinking,
            _sampling_words(model.sampling),
            _context_words(model),
        )
        for model in result.models
    )
    headers = ("model", "server", "id", "thinking", "sampling", "context asked / served")
    declared = tuple(
        f"{model.label} declares: " + ", ".join(f"{name} {_fact_words(value)}" for name, value in model.facts.items())
        for model in result.models
        if model.facts
    )
    return Section(
        "models",
        "Models as they were asked",
        "Version and served context are the server's own word; what was asked is what was sent.",
        (Table("", headers, rows),),
        notes=(*declared, *_unknown(result)),
    )


def _unknown(result: Result) -> Iterator[str]:
    """What nobody measured, reported or declared of each model."""
    for model in (one for one in result.models if not one.simulated):
        start = f"models.{model.label}."
        names = [
            place.removeprefix(start).removeprefix("facts.")
            for place, source in result.sources.items()
            if place.startswith(start) and source == "unknown"
        ]
        if names:
            yield f"{model.label}, unknown: {', '.join(names)}"


def _bytes(value: int | None) -> str:
    return NOTHING if value is None else size(value)


def _graphics(host: HostFacts) -> str:
    """Cores, and what was in use of it before the run."""
    cores = "cores unknown" if host.gpu_cores is None else f"{host.gpu_cores} cores"
    busy = NOTHING if host.gpu_utilization_percent is None else f"{host.gpu_utilization_percent} %"
    return (
        f"{cores}, limit {_bytes(host.gpu_wired_limit_bytes)}; before the run in use {_bytes(host.gpu_memory_bytes)}, "
        f"busy {busy}, programs {known(host.gpu_processes)}"
    )


def _memory_table(result: Result) -> tuple[Table, ...]:
    """Memory around each model: before it was loaded, loaded, after it was let go."""
    rows = []
    for model in result.models:
        use = model.memory
        for name, values in (
            (use.method or "", (use.before_bytes, use.loaded_bytes, use.after_bytes)),
            ("wired", (use.wired_before_bytes, use.wired_loaded_bytes, use.wired_after_bytes)),
            ("graphics", (use.gpu_before_bytes, use.gpu_loaded_bytes, use.gpu_after_bytes)),
        ):
            if any(value is not None for value in values):
                rows.append(line(model.label, name, *map(_bytes, values)))
    if not rows:
        return ()
    return (Table("Memory around each model:", ("model", "of", "before", "loaded", "after"), tuple(rows)),)


def _host_rows(result: Result) -> list[tuple[str, str]]:
    host = result.host
    memory = NOTHING if host.memory_bytes is None else size(host.memory_bytes)
    swap = NOTHING if host.swap_used_bytes is None else size(host.swap_used_bytes)
    return [
        ("machine", f"{known(host.chip)}, {host.architecture}, {known(host.cpu_cores)} cores, {memory}"),
        ("graphics", _graphics(host)),
        ("system", f"{host.system} {host.system_version or ''}, Python {host.python_version}".replace(" ,", ",")),
        (
            "power and heat",
            f"source {known(host.power_source)}, low power mode {yes_no(host.low_power_mode)}, "
            f"power mode {known(host.power_mode)}, "
            f"thermal {known(host.thermal_state)}, load {known(host.load_1m)}, swap used {swap}",
        ),
    ]


def _sandbox_words(result: Result) -> str:
    box = result.sandbox
    if box is None:
        return "none: nothing had to run"
    return (
        f"{box.engine} {box.engine_version}, {box.runtime}, cgroup {box.cgroup_version}, "
        f"rootless {yes_no(box.rootless)}, limits {', '.join(box.enforces) or 'none'}, system calls by the list of "
        f"{box.seccomp or 'nobody known'}, image {box.image} {box.image_digest}"
    )


def _clock_words(result: Result) -> str:
    found = result.run.selftest
    if found is None:
        return "not tested: nothing was measured" if result.run.simulated else NOTHING
    return (
        f"before the run TTFT was told {seconds(found.ttft_error_s)} late, "
        f"by a bare socket {seconds(found.socket_error_s)}; "
        f"tokens were stamped up to {seconds(found.lag_p99_s)} late (99th percentile), the decode rate was off by "
        f"{found.decode_error_percent:.2f} %; "
        f"other programs took {_share_words(found.other_cpu_share)} of the processors"
    )


def _share_words(share: float | None) -> str:
    return "an unknown share" if share is None else percent(share)


def _kit_rows(result: Result) -> Iterator[tuple[str, str]]:
    """What the kit itself took while it recorded each model."""
    for model in result.models:
        use = model.kit_use
        if use is not None and use.wall_s > 0:
            core = f"{100 * use.cpu_s / use.wall_s:.1f} % of a core over {seconds(use.wall_s)}"
            yield (
                f"kit beside {model.label}",
                f"{core}, {use.turns} turns, at most {size(use.peak_rss_bytes)} of memory",
            )


def _kit_words(result: Result) -> str:
    kit = result.kit
    commit = "" if kit.commit is None else f", commit {kit.commit[:SHORT_DIGEST]}"
    return f"lanebench {kit.version}{commit}{' with changes that are in no commit' if kit.dirty else ''}"


def surroundings(result: Result) -> Section:
    """Machine, sandbox, kit, run and the files beside the result."""
    run = result.run
    warmups = f"{run.warmups} warm-up{'' if run.warmups == 1 else 's'} a prompt size"
    rows = [
        *_host_rows(result),
        ("sandbox", _sandbox_words(result)),
        ("kit", _kit_words(result)),
        ("clock", _clock_words(result)),
        *_kit_rows(result),
        ("run", f"{run.id}: suite {run.suite}, {run.trials} trials a task, {warmups}, seed {run.seed}"),
        ("time", f"{run.started_at} to {run.ended_at}"),
        ("recordings sha256", known(result.digests.recordings_sha256)),
        ("scores sha256", known(result.digests.scores_sha256)),
    ]
    table = Table("", ("what", "as it was"), tuple((Entry(name), Entry(value)) for name, value in rows))
    return Section("surroundings", "Machine, sandbox, kit", "", (table, *_memory_table(result)))
