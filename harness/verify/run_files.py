"""Checks against what a run folder keeps beside a result: the plan, and what was seen of each model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from harness.bundle import MODELS, PLAN
from harness.schema import validate
from harness.types import Finding, Json
from harness.verify.documents import parse, read_document, read_rows
from harness.verify.evidence import Evidence
from harness.verify.json_diff import MOST, differences

WHOLE = ("kit", "host", "tasks", "lanes")


def _shared(stated: Mapping[str, Json], planned: Mapping[str, Json], path: str) -> Iterator[tuple[str, str]]:
    """Differences in the fields that both documents have."""
    both = {name: value for name, value in stated.items() if name in planned and name != "schema_version"}
    return differences(both, planned, path)


def _models_seen(evidence: Evidence) -> dict[str, Json]:
    seen: dict[str, Json] = {}
    if evidence.shelf.has(MODELS):
        place = evidence.shelf.place(MODELS)
        for number, line in read_rows(evidence.shelf, MODELS):
            document = parse(line, f"{place}, line {number}")
            if not validate("models", document):
                seen[document["label"]] = document
    return seen


def _of_plan(evidence: Evidence, plan: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    document, seen = evidence.document, _models_seen(evidence)
    for name in WHOLE:
        yield from differences(document[name], plan[name], f"$.{name}")
    yield from _shared(document["run"], plan, "$.run")
    planned = {model["label"]: model for model in plan["models"]}
    for at, model in enumerate(document["models"]):
        path = f"$.models[{at}]"
        if model["label"] not in planned:
            yield path, f"{model['label']} is not in the plan"
            continue
        yield from _shared(model, planned[model["label"]], path)
        yield from _shared(model, seen.get(model["label"], {}), path)


def check_plan(evidence: Evidence) -> Iterator[Finding]:
    """run.json and models.jsonl, where they are there, say the same of the run. Raises UnreadableError."""
    if not evidence.shelf.has(PLAN):
        return
    plan, place = read_document(evidence.shelf, PLAN), evidence.shelf.place(PLAN)
    faults = validate("run", plan)
    if faults:
        yield from (Finding("run-plan", place, fault.message) for fault in faults[:MOST])
        return
    for path, text in islice(_of_plan(evidence, plan), MOST):
        yield Finding("run-plan", evidence.place(path), f"{text} in {PLAN} or {MODELS}")
