"""Hidden cases: test cases drawn from a seed that exists only after the answers.

`HiddenCases.extend` gives a variant with its hidden cases added; `check_draws` finds tasks that draw others each time.
A task's cases.py draws them: `generate(seed, variant)` returns cases whose expected values come from a reference of its
own, independent of the solution. It runs in a container of its own, never beside an answer and once for all variants.
Before the cases count, the task's solution must pass them all in a container: a case on which the two references differ
is a defect of the task and raises TaskError.

The seed of a run is the SHA-256 digest of its recordings. So nobody can choose it before the answers exist, it is the
same for every model of the run, and whoever has the recordings draws the same cases again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from threading import Lock
from typing import TypeVar

from harness.errors import Problem, TaskError
from harness.files import from_json
from harness.schema import Location, load_schema, problems_of
from harness.score import score
from harness.tasks.load import GENERATOR_FILE, cases_of
from harness.tasks.readings import readings_of
from harness.tasks.requirements import unknown_requirements
from harness.types import HIDDEN_ID, Case, Check, Job, Json, Limits, Observation, Outcome, Sandbox, Task, Variant

SELF_CHECK_SEED = "0" * 64
"""The seed of `tasks check`, which has no recordings."""
K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
_ENTRY = "draw.py"
# The generator answers with one JSON string: plain JSON passes the driver's encoding of values unchanged. It is an
# object where cases.py fails, since the driver reports of an exception its type alone.
_DRAW = """\
import json
import traceback


def draw(seed, variant):
    try:
        from cases import generate

        return json.dumps(generate(seed, variant))
    except Exception as error:
        return json.dumps({"error": describe(error)})


def describe(error):
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename.endswith("cases.py")]
    lines += [error.lineno] if isinstance(error, SyntaxError) and error.lineno else []
    place = f"line {lines[-1]}: " if lines else ""
    return place + "".join(traceback.format_exception_only(error)).strip().split("\\n")[-1][:300]
"""
_LIMITS = Limits(load_timeout_s=20.0, case_timeout_s=20.0, memory_bytes=512 * 1024 * 1024, output_bytes=8 * 1024 * 1024)
_MAX_SHOWN = 3


class HiddenCases:
    """Draws the hidden cases of each variant once, however many threads score answers to it."""

    def __init__(self, seed: str, sandbox: Sandbox) -> None:
        """`seed` is a run's digest of recordings; the sandbox must have Python and the tasks' languages."""
        self.seed = seed
        self._sandbox = sandbox
        self._lock = Lock()
        self._generated = dict[str, Future[tuple[Observation, ...]]]()
        self._drawn = dict[tuple[str, int], Future[tuple[Case, ...]]]()

    def extend(self, variant: Variant) -> Variant:
        """The variant with its hidden cases after the fixed ones. Raises TaskError, EngineError."""
        if not variant.task.generator:
            return variant
        key = variant.task.sha256, variant.index
        return replace(variant, cases=(*variant.cases, *self._once(self._drawn, key, lambda: self._draw(variant))))

    def _once(self, done: dict[K, Future[T]], key: K, work: Callable[[], T]) -> T:
        with self._lock:
            first = key not in done
            future = done.setdefault(key, Future())
        if first:
            try:
                future.set_result(work())
            except BaseException as error:
                # A defect of the task stays one. Everything else may be over when somebody asks again, as a restart of
                # the engine is.
                if not isinstance(error, TaskError):
                    with self._lock:
                        del done[key]
                # The other threads that wait for this get the same error, and none waits forever.
                future.set_exception(error)
                raise
        return future.result()

    def _draw(self, variant: Variant) -> tuple[Case, ...]:
        task = variant.task
        generated = self._once(self._generated, task.sha256, lambda: _generate(task, self.seed, self._sandbox))
        document = _document(variant, generated[variant.index])
        cases = cases_of(_valid_document(variant, document), hidden=True)
        if unknown := list(unknown_requirements(task, cases, _place(variant))):
            raise TaskError(*unknown[:_MAX_SHOWN])
        _check_against_solution(variant, cases, self._sandbox)
        return cases


def check_draws(tasks: Sequence[Task], first: Sandbox, second: Sandbox) -> list[Problem]:
    """The tasks that draw other cases from the same seed, in two sandboxes of which the first may remember its jobs.

    `verify` could not draw the cases of such a task again. Raises EngineError.
    """
    drawing = [task for task in tasks if task.generator]
    with ThreadPoolExecutor(max_workers=2 * (os.cpu_count() or 1)) as pool:
        draws = [pool.map(partial(_generate, seed=SELF_CHECK_SEED, sandbox=each), drawing) for each in (first, second)]
        return [
            Problem(
                f"{task.name}/{GENERATOR_FILE}: two draws from the same seed differ",
                "draw with random.Random(seed) alone: no other random numbers, times or ids",
            )
            for task, one, other in zip(drawing, *draws, strict=True)
            if one != other
        ]


def case_seed(seed: str, task: Task, variant: int) -> str:
    """The seed of one variant's cases: tasks and variants of one run draw independently of each other."""
    return hashlib.sha256(f"{seed}/{task.name}/{variant}".encode()).hexdigest()


def _generate(task: Task, seed: str, sandbox: Sandbox) -> tuple[Observation, ...]:
    """What the generator returned for each variant, from one container for all."""
    draws = [
        (f"draw-{index}", {"call": "draw", "args": [case_seed(seed, task, index), dict(values)]})
        for index, values in enumerate(task.variants or ({},))
    ]
    files = {_ENTRY: _DRAW, GENERATOR_FILE: task.generator}
    return sandbox.run(Job("python", "calls", _ENTRY, files, tuple(draws), _LIMITS))


def _document(variant: Variant, observation: Observation) -> Json:
    """What the generator returned. Raises TaskError."""
    place = _place(variant)
    if observation.status != "returned" or not isinstance(observation.value, str):
        note = f": {observation.note}" if observation.note else ""
        message = f"{place}: the generator ended as {observation.status}{note}"
        raise TaskError(message, fix=f"let generate(seed, variant) return within {_LIMITS.case_timeout_s:g} s")
    try:
        document = from_json(observation.value)
    except ValueError as error:
        message = f"{place}: the generator returned invalid JSON: {error}"
        raise TaskError(message, fix="write other numbers as harness/sandbox/values.py describes") from error
    if isinstance(document, dict) and isinstance(error_text := document.get("error"), str):
        raise TaskError(f"{place}: the generator failed: {error_text}", fix="correct cases.py")
    return document


def _valid_document(variant: Variant, document: Json) -> Json:
    problems = problems_of(document, load_schema("cases"), Location(_place(variant)))
    if problems:
        raise TaskError(*problems[:_MAX_SHOWN])
    ids = [case["id"] for case in document]
    taken = {case.id for case in variant.cases}
    repeated = sorted({name for name in ids if ids.count(name) > 1 or name in taken})
    if not ids:
        raise TaskError(f"{_place(variant)}: the generator returned no case", fix="return at least one")
    if repeated:
        message = f"{_place(variant)}: duplicate case ids: {', '.join(repeated)}"
        raise TaskError(message, fix="give every case an id of its own, which cases.json does not have either")
    if not any(map(HIDDEN_ID.search, ids)):
        message = f"{_place(variant)}: no id tells that its case was drawn"
        raise TaskError(message, fix="end the ids in h1, h2 and so on, as in order/h1")
    return document


def _check_against_solution(variant: Variant, cases: tuple[Case, ...], sandbox: Sandbox) -> None:
    """Both references agree: the solution passes every hidden case. Raises TaskError that names those where it fails.

    The fixed cases run as well, so that this job is the one by which the self-check scores the solution (job_cache.py).
    """
    result = score(replace(variant, cases=(*variant.cases, *cases)), readings_of(variant.solution), sandbox)
    if result.outcome is Outcome.PASSED:
        return
    failed = [check for check in result.checks if not check.passed]
    hidden = {case.id for case in cases}
    disagreeing = [check for check in failed if check.name in hidden]
    if failed and not disagreeing:
        return
    shown = "; ".join(_describe(check) for check in disagreeing[:_MAX_SHOWN])
    raise TaskError(
        f"{_place(variant)}: generator and solution disagree on {len(disagreeing)} of {len(cases)} cases: {shown}",
        fix="correct cases.py or the solution",
    )


def _describe(check: Check) -> str:
    return f"{check.name}: {_short(check.expected)} against {_short(check.observed)} {check.note or ''}".rstrip()


def _short(value: Json) -> str:
    text = repr(value)
    return text if len(text) <= 200 else text[:197] + "..."


def _place(variant: Variant) -> str:
    return f"{variant.task.name}/{GENERATOR_FILE} (variant {variant.index})"
