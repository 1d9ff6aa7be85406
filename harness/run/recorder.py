"""Records the trials of every model of a run: `record_run` loads one model at a time and restores what ran before.

A failing server stops only its own model: its ModelRun and the returned problems say why; the next model follows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from harness.agents import agent_tokens
from harness.anchors import request_timestamp
from harness.config import read_api_key
from harness.errors import Problem, ServerError
from harness.host import CpuTimes, cpu_times, redact_home
from harness.lifecycle import LOAD_TIMEOUT_S, ModelHost, find_oversized_models, model_host
from harness.record import Client, Timeouts, seconds_since
from harness.run.agent_trial import AgentHost, open_agents
from harness.run.conversation import TrialSetup, converse
from harness.run.earlier_runs import EarlierRun, find_earlier_run
from harness.run.folder import RunFolder
from harness.run.forecast import announce, expect_skips, lanes_left_out, nothing_fits
from harness.run.model_facts import TIME_USED, with_observations, with_overhead, with_readiness
from harness.run.needs import context_needs
from harness.run.plan import cache_index, in_turn, trial_nonce
from harness.run.probed import expect_from_probes
from harness.run.progress import Progress, RecordingProgress, TimeLeft
from harness.run.refusals import Refusals, is_answer
from harness.run.remaining import earlier_model_run, missing_trials, planned_trials, warm_ups_again
from harness.run.time_budget import TimeBudget, Trials, describe_waiting
from harness.servers import (
    RequestTimeouts,
    ServerHandle,
    find_unapplied_settings,
    fit_tasks,
    get_server_kind,
    learn_thinking,
    thinking_allowance,
)
from harness.summarize import is_asked
from harness.tasks import vary
from harness.types import (
    STOPPED_BY_OWNER,
    AgentLimits,
    Log,
    Model,
    ModelRun,
    ProbeFinding,
    Recording,
    RunSettings,
    Task,
    TrialKey,
)

OBSERVED_TURNS = 12
"""How many of a model's first turns are compared with what its server kind states."""


def record_run(
    folder: RunFolder, tasks: Sequence[Task], models: Sequence[Model], progress: Progress, log: Log = lambda _: None
) -> list[Problem]:
    """Record the trials that are missing, of every model; returns why models stopped early.

    Services that are stopped for the run are started again when it ends. Raises RunError, ConfigError, DiskError.
    """
    by_name = {task.name: task for task in tasks}
    missing = {model.label: missing_trials(folder, tasks, model) for model in models}
    pending = [model for model in models if missing[model.label]]
    # A session of a finished run would add to its log, whose digest the result states.
    if not (pending or folder.chain.awaits_block):
        log("nothing is left to record")
        return []
    timeouts, earlier = timeouts_of(folder.plan.settings), _expectation(folder, models, tasks)
    left = TimeLeft((key for keys in missing.values() for key in keys), earlier)
    servers = open_servers(pending, timeouts.connect_s)
    skips, unfit = _announced_skips(folder, servers, tasks, earlier)
    with folder.session("record"), Client(timeouts) as client, open_agents(folder.plan.id, pending, log) as agents:
        _anchor(folder, log)
        left_out = {**unfit, **find_oversized_models(servers)}
        _leave_out(folder, left_out, log)
        recorded = [server for server in servers if server.model.label not in left_out]
        left.drop(key for label in left_out for key in missing[label])
        budget, shown = TimeBudget(folder, client), RecordingProgress(progress, left, folder.recorded)
        to_record = [key for server in recorded for key in missing[server.model.label]]
        for line in (announce(to_record, by_name, budget, left), *skips):
            log(line)
        begin = partial(
            _ModelRecorder, folder, client=client, tasks=by_name, progress=shown, budget=budget, agents=agents, log=log
        )
        with model_host(recorded, folder.path, log, load_timeout_s=min(LOAD_TIMEOUT_S, timeouts.read_s)) as host:
            problems = [*left_out.values(), *_record_passes(begin, host, recorded, budget.passes(missing))]
        _anchor(folder, log)
    for line in describe_waiting(folder):
        log(line)
    return problems


def _record_passes(
    begin: Callable[[ServerHandle], _ModelRecorder],
    host: ModelHost,
    servers: Sequence[ServerHandle],
    passes: Iterable[tuple[int, Trials]],
) -> Iterator[Problem]:
    """Record pass by pass over the models that have not stopped; yields why others did."""
    recorded = list(servers)
    for number, trials in passes:
        for server in in_turn(tuple(recorded), number):
            recorder, keys = begin(server), trials[server.model.label]
            # Loading may take minutes: no model is loaded when the time is used.
            if keys and recorder.budget.limit_turn():
                recorder.folder.append_model_run(_record_model(recorder, host, keys))
            recorder.progress.left.drop(keys)
            if recorder.problems:
                recorded.remove(server)
            yield from recorder.problems


def _announced_skips(
    folder: RunFolder, servers: Sequence[ServerHandle], tasks: Sequence[Task], earlier: EarlierRun | None
) -> tuple[list[str], dict[str, Problem]]:
    """What `expect_skips` gives of the models without recorded trials: of the others their first session said it.

    The first session also says which lanes no look decides. Raises ServerError if no model is left to be run.
    """
    begun = {key.model for key in folder.recorded}
    skips, unfit = expect_skips([server for server in servers if server.model.label not in begun], tasks, earlier)
    if unfit and len(unfit) == len(servers):
        raise ServerError(*unfit.values())
    return [*skips, *([] if begun else lanes_left_out(folder.plan))], unfit


def _expectation(folder: RunFolder, models: Sequence[Model], tasks: Sequence[Task]) -> EarlierRun | None:
    """What is known of a run before its first trial."""
    if folder.recorded:
        return None
    return find_earlier_run(folder) or expect_from_probes(models, tasks)


def _leave_out(folder: RunFolder, problems: Mapping[str, Problem], log: Log) -> None:
    """Note of models that the machine's memory or their context has no room for why they are not run, by label."""
    for label, problem in problems.items():
        log(f"left out: {problem.message}")
        run = replace(earlier_model_run(folder, label), stop_reason=problem.message, is_left_out=True)
        folder.append_model_run(run)


def _anchor(folder: RunFolder, log: Log) -> None:
    """Have the run's authority stamp what is written so far. Without an answer the run goes on and has no stamp.

    Raises UncheckedError without the library for it, before the first trial.
    """
    url = folder.plan.settings.anchor
    if not url:
        return
    try:
        folder.append_anchor(request_timestamp(url, folder.chain.head))
        log(f"stamped by {url}")
    except ServerError as error:
        log(f"NOT stamped, the run goes on: {error.message}")


def timeouts_of(settings: RunSettings) -> Timeouts:
    """The timeouts of a run's requests."""
    return Timeouts(settings.connect_timeout_s, settings.read_timeout_s, settings.turn_timeout_s)


def open_servers(models: Sequence[Model], connect_s: float) -> tuple[ServerHandle, ...]:
    """The models' servers with their kinds and API keys. Raises ConfigError if a key is not set."""
    timeouts = RequestTimeouts(connect_s=connect_s)
    return tuple(ServerHandle(model, get_server_kind(model.server), read_api_key(model), timeouts) for model in models)


def remaining_pause_s(idle_s: float, ended_ns: int | None) -> float:
    """What is left of the pause between two trials: reading and storing a long reply counts as part of it."""
    return max(0.0, idle_s - (0.0 if ended_ns is None else seconds_since(ended_ns)))


@dataclass(slots=True)
class _ModelRecorder:
    """Records the trials of one model and collects what its replies show of the server.

    `allowance` is the output budget for thinking, and `cut_budgets` that of the tasks for which the context has less
    room. `agents` runs the trials of a model with an agent; `context_tokens` is the served context. `ended_ns` is when
    the last turn ended, `first_turns` are the first OBSERVED_TURNS recordings. `began` is the CPU time and the
    monotonic clock when the kit began with the model.
    """

    folder: RunFolder
    server: ServerHandle
    client: Client
    tasks: Mapping[str, Task]
    progress: RecordingProgress
    budget: TimeBudget
    agents: AgentHost | None = None
    context_tokens: int | None = None
    tokens_per_char: float | None = None
    allowance: int = 0
    cut_budgets: Mapping[str, int] = field(default_factory=dict)
    turns: int = 0
    ended_ns: int | None = None
    first_turns: list[Recording] = field(default_factory=list)
    problems: tuple[Problem, ...] = ()
    began: tuple[CpuTimes, float] = field(default_factory=lambda: (cpu_times(), time.monotonic()))
    log: Log = lambda _: None
    refusals: Refusals = field(init=False)

    def __post_init__(self) -> None:
        self.refusals = Refusals(self.server.model)

    def record_trials(self, keys: Sequence[TrialKey]) -> None:
        """Record trials one after the other, with the run's pause between them. Raises ServerError."""
        for key in keys:
            if not self.budget.limit_turn():
                return
            self.progress.begin(f"{key.model} {key.task} {'warm-up' if key.warmup else key.trial + 1}")
            start_s = time.monotonic()
            turns = self.record_trial(key)
            time.sleep(remaining_pause_s(self.folder.plan.settings.idle_s, self.ended_ns))
            self.progress.end(key, turns, time.monotonic() - start_s)
        self.progress.begin(self.server.model.label)

    def warm_up_again(self, keys: Sequence[TrialKey]) -> None:
        """Send warm-ups that are not stored, each with a nonce of its own, as far as the time allows."""
        if keys:
            self.log(f"{self.server.model.label}: resumed within a pass: its warm-ups are sent again, unrecorded")
        for key in keys:
            self.progress.begin(f"{key.model} {key.task} warm-up")
            for recording in self._turns(key) if self.budget.limit_turn() else ():
                self._note_end(recording)
                if recording.end_reason == "connect_failed" or not self.budget.limit_turn():
                    return
            time.sleep(remaining_pause_s(self.folder.plan.settings.idle_s, self.ended_ns))

    def record_trial(self, key: TrialKey) -> list[Recording]:
        """Record one trial; returns its turns, without a last one that the run's time cut off.

        Raises ServerError if no connection can be made, and if the server refuses the key, the model or the address and
        has answered nothing of the model: that turn is not stored, since the model was sent nothing.
        """
        model, turns = self.server.model, list[Recording]()
        for recording in self._turns(key):
            # A turn that the run's time cut off says nothing about the model: its trial stays incomplete.
            if self.budget.is_over:
                return turns
            if recording.end_reason == "connect_failed" and not turns:
                raise ServerError(f"model {model.label!r}: {recording.url}: {recording.error}")
            refusal = self.refusals.add(recording)
            if refusal is not None:
                message = f"model {model.label!r}: {recording.url}: HTTP {recording.status}: {refusal.message}"
                raise ServerError(message, fix=refusal.fix)
            self._store(recording)
            turns.append(recording)
            # What the time leaves for the next request of this trial, which is sent when the loop goes on.
            self.budget.limit_turn()
        self.refusals.end_trial()
        return turns

    def _turns(self, key: TrialKey) -> Iterable[Recording]:
        setup = self._setup(key)
        if self.agents is None or self.server.model.agent is None:
            return converse(self.client, self.server, setup, self.progress.rate)
        settings, left_s = self.folder.plan.settings, self.budget.left_s
        limits = AgentLimits(
            clock_s=settings.agent_clock_s if left_s is None else min(settings.agent_clock_s, max(left_s, 0.001)),
            turns=settings.agent_turns,
            tokens=settings.agent_tokens,
        )
        if self.context_tokens is not None:
            limits = replace(limits, context_tokens=self.context_tokens)
        recordings = self.agents.run(self.server, setup, limits)
        # They are all there: what is refused first and answered later is no wrong address either.
        self.refusals.was_answered |= any(map(is_answer, recordings))
        return recordings

    def _setup(self, key: TrialKey) -> TrialSetup:
        plan = self.folder.plan
        index = cache_index(plan.models, self.server.model.label)
        return TrialSetup(
            key,
            vary(self.tasks[key.task], key.trial),
            trial_nonce(plan.settings.seed, key, index, plan.settings.beacon),
            self.cut_budgets.get(key.task, self.allowance),
            self.tokens_per_char,
        )

    def _note_end(self, recording: Recording) -> None:
        if recording.sent_ns is not None:
            self.ended_ns = recording.sent_ns + (recording.ended_ns or 0)

    def _store(self, recording: Recording) -> None:
        self._note_end(recording)
        self.folder.append_recording(recording)
        self.turns += 1
        # What an agent sends says nothing about the fields that the kit would send.
        if len(self.first_turns) < OBSERVED_TURNS and self.server.model.agent is None:
            self.first_turns.append(recording)


def _record_model(recorder: _ModelRecorder, host: ModelHost, keys: Sequence[TrialKey]) -> ModelRun:
    """Record a model's trials, and the resources that the kit itself used meanwhile."""
    run = _record_loaded_model(recorder, host, keys)
    recorder.client.close()
    if TIME_USED in run.probe_findings:
        recorder.log(f"{run.label}: {TIME_USED.note}")
    return with_overhead(run, *recorder.began, recorder.turns)


def _record_loaded_model(recorder: _ModelRecorder, host: ModelHost, keys: Sequence[TrialKey]) -> ModelRun:
    """Load the model, record its trials, unload it. A ServerError becomes the run's stop reason.

    What decides which tasks are skipped is stored before the first trial, so that a kill does not lose it.
    """
    server = recorder.server
    run = replace(earlier_model_run(recorder.folder, server.model.label), context_setting=server.kind.context.setting)
    try:
        with host.session(server) as session:
            run = with_readiness(run, session)
            run = _with_context_fit(run, recorder)
            recorder.folder.append_model_run(run)
            fitting = _keys_that_fit(run, recorder, keys)
            recorder.warm_up_again(warm_ups_again(recorder.folder, tuple(recorder.tasks.values()), run, fitting))
            recorder.record_trials(fitting)
        return with_observations(run, session, recorder.first_turns, server.kind)
    except KeyboardInterrupt:
        stopped = replace(run, stop_reason=STOPPED_BY_OWNER)
        recorder.folder.append_model_run(with_overhead(stopped, *recorder.began, recorder.turns))
        raise
    except ServerError as error:
        recorder.problems = error.problems
        return replace(run, stop_reason=redact_home(error.message))


def _keys_that_fit(run: ModelRun, recorder: _ModelRecorder, keys: Sequence[TrialKey]) -> list[TrialKey]:
    """The missing trials of the tasks that fit. Raises ServerError if other tasks fitted when the run was begun.

    The trials of a model are in the order of the plan, so a task can be neither left out nor taken in later on.
    """
    skipped = {task.task for task in run.skipped}
    planned = planned_trials(recorder.folder, tuple(recorder.tasks.values()), recorder.server.model)
    recorded = [key for key in planned if key in recorder.folder.recorded]
    expected = [key for key in planned if key.task not in skipped]
    if recorded != expected[: len(recorded)]:
        raise ServerError(
            f"model {run.label!r}: the server's context takes other tasks than when the run was begun "
            f"({run.served_context_tokens} tokens now)",
            fix="serve the model with the same context as before, or begin a new run",
        )
    fitting = [key for key in keys if key.task not in skipped]
    if keys and not fitting and not recorded:
        raise ServerError(nothing_fits(recorder.server.model, run.skipped, recorder.server.kind.context.setting))
    recorder.progress.left.drop(key for key in keys if key.task in skipped)
    return fitting


def _with_context_fit(run: ModelRun, recorder: _ModelRecorder) -> ModelRun:
    """Add which tasks do not fit into the served context, and which settings the server does not apply."""
    server = recorder.server
    served = run.served_context_tokens if run.served_context_tokens is not None else server.model.context_tokens
    settings = recorder.folder.plan.settings
    tasks = [task for task in recorder.tasks.values() if is_asked(server.model, task)]
    # What was learned before the first trial holds for the whole run: its budgets follow from it.
    begun = any(key.model == run.label for key in recorder.folder.recorded)
    needs_to_know = settings.thinking_tokens > 0 and any(task.scored for task in tasks) and server.model.agent is None
    may_send = recorder.budget.limit_turn
    thinks = learn_thinking(server, recorder.client, may_send) if needs_to_know and not begun else run.thinks
    recorder.allowance = thinking_allowance(server.model, server.kind, thinks, settings.thinking_tokens)
    needs = context_needs(tasks, recorder.allowance, agent_tokens(server.model))
    context_fit = fit_tasks(server, recorder.client, needs, served, may_send)
    if begun and not may_send():
        # What was found in an earlier block holds: a reply that the time cut off would not find it again.
        return replace(run, probe_findings=(*run.probe_findings, TIME_USED))
    recorder.tokens_per_char = context_fit.tokens_per_char
    recorder.context_tokens = served
    recorder.cut_budgets = {cut.task: cut.thinking_tokens for cut in context_fit.cut_budgets}
    return replace(
        run,
        served_context_tokens=run.served_context_tokens
        if context_fit.effective_context_tokens is None
        else context_fit.effective_context_tokens,
        skipped=context_fit.skipped,
        cut_budgets=context_fit.cut_budgets,
        thinks=thinks,
        tokens_per_char=context_fit.tokens_per_char,
        probe_findings=(
            *context_fit.findings,
            *_unapplied_settings(server),
            *(() if may_send() else (TIME_USED,)),
        ),
    )


def _unapplied_settings(server: ServerHandle) -> tuple[ProbeFinding, ...]:
    """The settings that the server does not apply; of an agent's requests nobody knows them before."""
    return () if server.model.agent is not None else find_unapplied_settings(server.kind, server.model)
