"""Record every trial of every model: one model at a time is up, and what ran before runs again at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.config import secret_of
from harness.errors import ServerError
from harness.host import CpuTimes, cpu_times, other_cpu_share, peak_rss_bytes, redact_home
from harness.lifecycle import ModelHost, ModelSession, find_oversized_models, memory_use, model_host
from harness.record import Client, Timeouts, seconds_since
from harness.run.conversation import converse
from harness.run.folder import RunFolder
from harness.run.plan import nonce_of, plan, share_of
from harness.servers import ServerHandle, find_unapplied_settings, fit_tasks, get_server_kind, observe
from harness.tasks import vary
from harness.types import KitUse, Model, ModelRun, Recording, Task, TrialKey

HEARD_TURNS = 12
Log = Callable[[str], None]
"""Told one line about what is being done."""
Progress = Callable[[str, int, int, str], None]
"""Told of each step: stage, steps done, steps in all, and the trial's name."""


def planned(folder: RunFolder, tasks: Sequence[Task], model: Model) -> tuple[TrialKey, ...]:
    """The trials of one model in this run."""
    settings = folder.plan.settings
    return plan(model.label, tasks, trials=settings.trials, warmups=settings.warmups, seed=settings.seed)


@dataclass(slots=True)
class _Recorder:
    """What recording one model needs, and how many turns it took. `heard` are the first of them.

    `tokens_per_char` is what its server counted in a prompt before the first trial, `quiet_ns` when the last turn
    ended.
    """

    folder: RunFolder
    asked: ServerHandle
    stage: ModelHost
    tokens_per_char: float | None = None
    turns: int = 0
    quiet_ns: int | None = None
    heard: list[Recording] = field(default_factory=list)

    def trial(self, task: Task, key: TrialKey) -> None:
        """Record one trial.

        Raises ServerError when no connection could be made, and nothing is kept of it then: the model was not asked.
        Raises it too, once the turn is kept, when the server refuses the key or knows no such model or address: what
        follows would be refused the same.
        """
        asked, variant = self.asked, vary(task, key.trial)
        run_plan = self.folder.plan
        nonce = nonce_of(run_plan.settings.seed, key, share_of(run_plan.models, asked.model.label))
        who, room, density = (
            (asked.model, asked.kind, asked.secret),
            run_plan.settings.thinking_tokens,
            self.tokens_per_char,
        )
        for recording in converse(asked.client, who, variant, key, nonce=nonce, room=room, tokens_per_char=density):
            if recording.end_reason == "connect_failed" and recording.turn == 0:
                raise ServerError(f"model {asked.model.label!r}: {recording.url}: {recording.error}")
            self._keep(recording)
            if recording.status in REFUSALS:
                told = f"{recording.url}: HTTP {recording.status}: {REFUSALS[recording.status]}"
                raise ServerError(f"model {asked.model.label!r}: {told}")

    def _keep(self, recording: Recording) -> None:
        if recording.sent_ns is not None:
            self.quiet_ns = recording.sent_ns + (recording.ended_ns or 0)
        self.folder.keep(recording)
        self.turns += 1
        if len(self.heard) < HEARD_TURNS:
            self.heard.append(recording)


REFUSALS = {
    401: "the server refuses the key: name its variable in key_env",
    403: "the server refuses the key: name its variable in key_env",
    404: "the server knows no such model or address: correct model or base_url",
}
"""Refusals that stop a model: nothing that comes after would be answered."""


def _kit_use(begun: CpuTimes, begun_s: float, turns: int) -> KitUse:
    now = cpu_times()
    return KitUse(
        cpu_s=now.process_s - begun.process_s,
        wall_s=time.monotonic() - begun_s,
        turns=turns,
        peak_rss_bytes=peak_rss_bytes(),
        other_cpu_share=other_cpu_share(begun, now),
    )


def pause_left_s(idle_s: float, quiet_ns: int | None) -> float:
    """What is left of a server's pause that began at this moment: reading and keeping a long reply is part of it."""
    return max(0.0, idle_s - (0.0 if quiet_ns is None else seconds_since(quiet_ns)))


def _record_trials(
    recorder: _Recorder, tasks: Mapping[str, Task], left: Sequence[TrialKey], progress: Progress
) -> None:
    for done, key in enumerate(left):
        progress("record", done, len(left), f"{key.model} {key.task} {'warm-up' if key.warmup else key.trial + 1}")
        recorder.trial(tasks[key.task], key)
        time.sleep(pause_left_s(recorder.folder.plan.settings.idle_s, recorder.quiet_ns))
    progress("record", len(left), len(left), recorder.asked.model.label)


def _once_let_go(seen: ModelRun, visit: ModelSession, recorder: _Recorder) -> ModelRun:
    """What is known of a model once it was let go, and what its replies showed of its server."""
    before, loaded = visit.before.swap_bytes, visit.loaded.swap_bytes
    return replace(
        seen,
        memory=memory_use(visit.before, visit.loaded, visit.after),
        swap_growth_bytes=None if before is None or loaded is None else loaded - before,
        live=(*(one for one in observe(recorder.heard, recorder.asked.kind) if one.live is not None), *seen.live),
    )


def _record_model(
    recorder: _Recorder, tasks: Mapping[str, Task], left: Sequence[TrialKey], progress: Progress
) -> ModelRun:
    asked = recorder.asked
    seen = ModelRun(asked.model.label, context_setting=asked.kind.context.setting)
    try:
        with recorder.stage.up(asked) as visit:
            ready = visit.readiness
            served = ready.context_tokens if ready.context_tokens is not None else asked.model.context_tokens
            seen = replace(
                seen,
                server_version=ready.version,
                served_context_tokens=ready.context_tokens,
                own_context_tokens=ready.own_context_tokens,
                load_s=visit.load_s,
            )
            fits = fit_tasks(asked, tuple(tasks.values()), served, recorder.folder.plan.settings.thinking_tokens)
            recorder.tokens_per_char = fits.tokens_per_char
            seen = replace(
                seen,
                served_context_tokens=seen.served_context_tokens if fits.cap_tokens is None else fits.cap_tokens,
                skipped=fits.skipped,
                live=(*fits.findings, *find_unapplied_settings(asked.kind, asked.model)),
            )
            skipped = {one.task for one in fits.skipped}
            _record_trials(recorder, tasks, [key for key in left if key.task not in skipped], progress)
        return _once_let_go(seen, visit, recorder)
    except ServerError as error:
        return replace(seen, stop_reason=redact_home(error.message))


def contenders(models: Sequence[Model], client: Client) -> tuple[ServerHandle, ...]:
    """The models as they can be asked. Raises ConfigError where a key is missing."""
    return tuple(ServerHandle(client, model, get_server_kind(model.server), secret_of(model)) for model in models)


def _measured(recorder: _Recorder, tasks: Mapping[str, Task], left: Sequence[TrialKey], progress: Progress) -> ModelRun:
    """Record a model, with what the kit itself used meanwhile."""
    begun, begun_s = cpu_times(), time.monotonic()
    seen = _record_model(recorder, tasks, left, progress)
    recorder.asked.client.close()
    return replace(seen, kit_use=_kit_use(begun, begun_s, recorder.turns))


def record_run(
    folder: RunFolder, tasks: Sequence[Task], models: Sequence[Model], progress: Progress, say: Log = lambda _: None
) -> list[str]:
    """Record what is left of every model's trials; returns why models stopped early, one line each.

    A server that is gone stops its model, not the run. What is stopped for the run's time runs again when it ends.
    """
    by_name, settings = {task.name: task for task in tasks}, folder.plan.settings
    timeouts = Timeouts(settings.connect_timeout_s, settings.read_timeout_s, settings.turn_timeout_s)
    left = {
        model.label: [key for key in planned(folder, tasks, model) if key not in folder.recorded] for model in models
    }
    stopped = []
    with folder.alone(), Client(timeouts) as client:
        asked = contenders([model for model in models if left[model.label]], client)
        oversized = find_oversized_models(asked)
        for label, why in oversized.items():
            folder.keep_model(ModelRun(label, stop_reason=why))
            stopped.append(why)
        able = [one for one in asked if one.model.label not in oversized]
        with model_host(able, folder.path, say) as stage:
            for one in able:
                seen = _measured(_Recorder(folder, one, stage), by_name, left[one.model.label], progress)
                folder.keep_model(seen)
                stopped += [seen.stop_reason] if seen.stop_reason is not None else []
    return stopped
