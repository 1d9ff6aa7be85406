"""The level replicated: some trials asked again of one's own server, with nonces that nobody has seen.

Another machine, another build, another day: equality is not expected. The same task and variant is compared with
itself, and only a difference that chance does not explain is a fault (exact McNemar over the pairs, Holm over the
models). Speeds of another machine are told and not judged.
"""

from __future__ import annotations

import random
import secrets
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.config import read_api_key
from harness.errors import ConfigError
from harness.read import read
from harness.record import Client, Timeouts
from harness.run import TrialSetup, converse
from harness.score import score
from harness.servers import ServerHandle, get_server_kind
from harness.stats import format_k_of_n, holm, mcnemar_p
from harness.tasks import vary
from harness.types import Finding, Model, Outcome, Reading, Sandbox, TrialKey, TrialResult
from harness.verify.evidence import Evidence, known_task

LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Again:
    """Whom to ask again: one's own models by label, `count` trials of each, and the room for thoughts."""

    count: int
    models: Mapping[str, Model]
    thinking_tokens: int
    timeouts: Timeouts


@dataclass(frozen=True, slots=True)
class _Pair:
    """One trial as published and as it went here."""

    published: TrialResult
    passed: bool
    readings: tuple[Reading, ...]


def why_not(evidence: Evidence, again: Again) -> str | None:
    """Why nothing can be asked again, None when it can."""
    labels = [model.label for model in evidence.result.models]
    if not set(labels) & set(again.models):
        return f"the config names none of the result's models: {', '.join(labels)}"
    if evidence.result.run.simulated:
        return "the run is simulated: there is no model to ask again"
    try:
        for label in labels:
            if label in again.models:
                read_api_key(again.models[label])
    except ConfigError as error:
        return error.message
    return None


def chosen(trials: Sequence[TrialResult], count: int, seed: int) -> list[TrialResult]:
    """`count` of the trials, spread over the tasks, by a seed that the publisher could not know."""
    shuffled = sorted(trials, key=lambda trial: (trial.task, trial.trial))
    random.Random(seed).shuffle(shuffled)
    seen: dict[str, int] = {}
    rounds = []
    for trial in shuffled:
        seen[trial.task] = seen.get(trial.task, 0) + 1
        rounds.append((seen[trial.task], trial))
    return [trial for _, trial in sorted(rounds, key=lambda pair: pair[0])[:count]]


def _ask(evidence: Evidence, again: Again, client: Client, trial: TrialResult, sandbox: Sandbox) -> _Pair | str:
    """The pair, or why the server could not be asked."""
    model, task = again.models[trial.model], known_task(evidence, trial.task)
    if task is None:
        return f"{trial.task} is not known here"
    variant = vary(task, trial.trial)
    key = TrialKey(trial.model, trial.task, trial.trial)
    server = ServerHandle(client, model, get_server_kind(model.server), read_api_key(model))
    turns = list(converse(server, TrialSetup(key, variant, secrets.token_hex(8), again.thinking_tokens)))
    if any(turn.end_reason == "connect_failed" for turn in turns):
        return f"{model.label}: {model.base_url} does not answer: {turns[-1].error}"
    readings = tuple(read(turn) for turn in turns)
    return _Pair(trial, score(variant, readings, sandbox).outcome is Outcome.PASSED, readings)


def _words(pairs: Sequence[_Pair]) -> str:
    here, there = sum(pair.passed for pair in pairs), sum(pair.published.outcome == "passed" for pair in pairs)
    return f"passed {format_k_of_n(here, len(pairs))} here, and in {there} of the same trials as published"


def _speed_words(pairs: Sequence[_Pair]) -> str:
    here = [rate for pair in pairs for one in pair.readings if (rate := one.timings.decode_tps) is not None]
    there = [rate for pair in pairs for turn in pair.published.turns if (rate := turn.timings.decode_tps) is not None]
    if not here or not there:
        return "no decode rate to compare"
    return f"decode {statistics.median(here):.4g} tok/s here, {statistics.median(there):.4g} as published"


def _p_of(pairs: Sequence[_Pair]) -> float:
    better = sum(pair.passed and pair.published.outcome != "passed" for pair in pairs)
    worse = sum(not pair.passed and pair.published.outcome == "passed" for pair in pairs)
    return mcnemar_p(worse, better)


def least_count(models: int) -> int:
    """How many trials of each of so many models can show a difference at all: every one must go the other way."""
    return next(count for count in range(1, 100) if models * mcnemar_p(count, 0) < LEVEL)


def _judged(evidence: Evidence, found: Mapping[str, Sequence[_Pair]]) -> Iterator[Finding]:
    labels = list(found)
    for label, p in zip(labels, holm([_p_of(found[label]) for label in labels]), strict=True):
        at = next(at for at, model in enumerate(evidence.result.models) if model.label == label)
        place, text = evidence.place(f"$.models[{at}]"), f"{label}: {_words(found[label])}"
        if len(found[label]) < least_count(len(labels)):
            few = f"{len(found[label])} trials could show no difference: {least_count(len(labels))} can"
            yield Finding("replicated", place, f"{text}; {few}", "unknown")
        elif p < LEVEL:
            yield Finding("replicated", place, f"{text}: chance does not explain that (p = {p:.2g})")
        else:
            yield Finding("replicated", place, f"{text}; {_speed_words(found[label])}", "note")


def check_replicated(evidence: Evidence, again: Again, sandbox: Sandbox) -> Iterator[Finding]:
    """Ask `count` trials of each model again. Raises EngineError for faults of the kit's own side."""
    scored = {task.name for task in evidence.result.tasks if task.scored}
    found: dict[str, list[_Pair]] = {}
    seed = secrets.randbits(64)
    with Client(again.timeouts) as client:
        for at, model in enumerate(evidence.result.models):
            place = evidence.place(f"$.models[{at}]")
            if model.label not in again.models:
                yield Finding("replicated", place, f"{model.label} is not in the config: not asked again", "unknown")
                continue
            own = [one for one in evidence.result.trials if one.model == model.label and not one.warmup]
            for trial in chosen([one for one in own if one.task in scored], again.count, seed):
                pair = _ask(evidence, again, client, trial, sandbox)
                if isinstance(pair, str):
                    yield Finding("replicated", place, pair, "unknown")
                    break
                found.setdefault(model.label, []).append(pair)
    yield from _judged(evidence, found)
