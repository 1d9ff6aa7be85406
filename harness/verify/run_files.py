"""Checks of a result against the run folder that it is in: run.json (the plan) and models.jsonl."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from harness.bundle import MODELS, PLAN, parse_document
from harness.schema import validate
from harness.types import Finding, Json
from harness.verify.evidence import Evidence
from harness.verify.json_diff import MAX_DIFFERENCES, differences

MAX_MODEL_LINES = 10_000
"""A model has a line for each time that it was loaded."""
SHARED_PARTS = ("kit", "host", "tasks", "lanes")
"""The parts that plan and result have in common as a whole."""


def check_run_files(evidence: Evidence) -> Iterator[Finding]:
    """run.json and models.jsonl, if present, agree with the result. Raises UnreadableError."""
    reader = evidence.reader
    if not reader.has(PLAN):
        return
    plan = reader.read_document(PLAN)
    problems = validate("run", plan)
    if problems:
        location = reader.location(PLAN)
        yield from (Finding("run-files", location, problem.message) for problem in problems[:MAX_DIFFERENCES])
        return
    observed, invalid = _observed_models(evidence)
    yield from invalid[:MAX_DIFFERENCES]
    for path, message in islice(_compare(evidence, plan, observed), MAX_DIFFERENCES):
        yield Finding("run-files", evidence.location(path), f"{message} by {PLAN} or {MODELS}")


def _compare(
    evidence: Evidence, plan: Mapping[str, Json], observed: Mapping[str, Mapping[str, Json]]
) -> Iterator[tuple[str, str]]:
    document = evidence.document
    for name in SHARED_PARTS:
        yield from differences(document[name], plan[name], f"$.{name}")
    yield from _compare_shared_keys(document["run"], {**plan, **plan["settings"]}, "$.run")
    planned = {model["label"]: model for model in plan["models"]}
    for at, model in enumerate(document["models"]):
        path, label = f"$.models[{at}]", model["label"]
        if label not in planned:
            yield path, f"{label} is not planned"
            continue
        yield from _compare_shared_keys(model, planned[label], path)
        yield from _compare_shared_keys(model, observed.get(label, {}), path)


def _compare_shared_keys(stated: Mapping[str, Json], other: Mapping[str, Json], path: str) -> Iterator[tuple[str, str]]:
    shared = [name for name in stated if name in other]
    return differences({name: stated[name] for name in shared}, {name: other[name] for name in shared}, path)


def _observed_models(evidence: Evidence) -> tuple[dict[str, Mapping[str, Json]], list[Finding]]:
    """The valid lines of models.jsonl by label, of which the last one of a model counts; and what is wrong with others.

    Both are empty without the file. Raises UnreadableError.
    """
    reader, observed, invalid = evidence.reader, dict[str, Mapping[str, Json]](), list[Finding]()
    if not reader.has(MODELS):
        return observed, invalid
    for number, line in reader.read_lines(MODELS, MAX_MODEL_LINES):
        place = f"{reader.location(MODELS)}, line {number}"
        document = parse_document(line, place)
        problems = validate("models", document)
        if problems:
            invalid.append(Finding("run-files", place, problems[0].message))
        else:
            observed[document["label"]] = document
    return observed, invalid
