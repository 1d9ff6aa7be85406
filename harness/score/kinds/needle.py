"""Kind `needle`: values that stand at known depths of a long text, asked for as one JSON object. Nothing is run.

The answer is a JSON object, alone or in a fence: {"key": "value", ...}; null says that the text does not hold it.

settings (optional)
    precision_at_least   for the check `precision`; default 1.0
cases.json    `give` is {}; `expect` is one of
    {"key": name, "any": [texts or numbers], "depth": 0.0 to 1.0}   the value, in any of these writings; "old": [texts]
              names superseded values, counted apart
    {"key": name, "absent": true}                                   is not in the text: right as null or left out
Values are compared without case, blanks at the ends, quotes and thousands separators; numbers by value.
checks        one a case, and `precision`: right values / all values given
facts         recall, precision, recall_by_depth, superseded, invented (keys not asked for, values for absent ones)
An answer that holds no JSON object is no answer.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation

from harness.score.compare import short
from harness.score.extraction.json_answer import object_in
from harness.score.settings import Demands
from harness.score.verdict import Judgment, nothing
from harness.types import Case, Check, Json, Reading, Sandbox, Task, Variant

PRECISION = "precision"
SETTINGS = ("precision_at_least",)
_NOTHING = ("", "null", "none", "n/a", "unknown", "not found", "not present", "not stated", "not in the text")
_LONGEST_NUMBER = 40


def check_names(variant: Variant) -> tuple[str, ...]:
    """The checks' names."""
    return (*(case.id for case in variant.cases), PRECISION)


def _plain(value: Json) -> str | Decimal | None:
    """A value as it is compared: a number by value, a text without case and outer marks; None for nothing."""
    if value is None or isinstance(value, bool | dict):
        return None if value is None else repr(value).lower()
    if isinstance(value, list):
        return _plain(value[0]) if len(value) == 1 else repr(value).lower()
    text = " ".join(str(value).split()).strip("\"'`.“”‘’ ").casefold()
    if text in _NOTHING:
        return None
    bare = re.sub(r"(?<=\d)[,_ '\u202f\u00a0](?=\d{3}\b)", "", text)
    if len(bare) <= _LONGEST_NUMBER and re.fullmatch(r"[+-]?\d+(?:\.\d+)?", bare):
        return _decimal(bare) or text
    return text


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text).normalize()
    except InvalidOperation:
        return None


def _key(name: str) -> str:
    return re.sub(r"[\W_]+", "_", name.strip().casefold()).strip("_")


def _check(case: Case, given: Mapping[str, Json]) -> tuple[Check, bool]:
    """The check of one key, and whether a value was given that is superseded."""
    expect, seen = case.expect, given.get(_key(str(case.expect["key"])))
    if expect.get("absent") is True:
        return Check(case.id, _plain(seen) is None, "not in the text", short(seen)), False
    wanted = [_plain(one) for one in expect["any"]]
    outdated = _plain(seen) is not None and _plain(seen) in [_plain(one) for one in expect.get("old", ())]
    right = _plain(seen) is not None and _plain(seen) in wanted
    return Check(case.id, right, short(expect["any"]), short(seen), "superseded" if outdated else None), outdated


def _recall(checks: Sequence[tuple[Case, Check]]) -> float | None:
    present = [check.passed for case, check in checks if "any" in case.expect]
    return round(sum(present) / len(present), 4) if present else None


def _by_depth(checks: Sequence[tuple[Case, Check]]) -> dict[str, Json]:
    depths: dict[str, list[bool]] = defaultdict(list)
    for case, check in checks:
        if "depth" in case.expect:
            depths[str(case.expect["depth"])].append(check.passed)
    return {depth: round(sum(passed) / len(passed), 4) for depth, passed in sorted(depths.items())}


def score_needle(variant: Variant, readings: Sequence[Reading], sandbox: Sandbox) -> Judgment:
    """Score the values of the last turn's object; the sandbox is not used."""
    del sandbox
    found = object_in(readings[-1].content)
    if found is None:
        return nothing(check_names(variant), "no JSON object was found in the answer")
    given = {_key(name): value for name, value in found.items()}
    looked = [(case, *_check(case, given)) for case in variant.cases]
    checks = [(case, check) for case, check, _ in looked]
    asked = {_key(str(case.expect["key"])) for case, _ in checks}
    said = [name for name, value in given.items() if _plain(value) is not None]
    strangers = [name for name in said if name not in asked]
    made_up = sum(not check.passed for case, check in checks if case.expect.get("absent") is True)
    right = sum(check.passed for case, check in checks if "any" in case.expect)
    precision = round(right / len(said), 4) if said else 1.0
    least = float(variant.task.settings.get("precision_at_least", 1.0))
    facts = {
        "recall": _recall(checks),
        "precision": precision,
        "recall_by_depth": _by_depth(checks),
        "superseded": sum(outdated for *_, outdated in looked),
        "invented": len(strangers) + made_up,
    }
    last = Check(PRECISION, precision >= least, f"{least} or more", precision)
    return Judgment((*(check for _, check in checks), last), "object", facts=facts)


def problems(task: Task, cases: Sequence[Case]) -> list[str]:
    """What is wrong with a task of this kind."""
    demands = Demands(task)
    demands.settings(SETTINGS)
    demands.of_type(task.settings, "precision_at_least", float)
    demands.some(cases)
    for case in cases:
        at, expect = demands.case(case), case.expect
        at.only(case.give, (), "give")
        at.of_type(expect, "key", str, "expect", needed=True)
        if expect.get("absent") is True:
            at.only(expect, ("key", "absent"), "expect")
            continue
        at.only(expect, ("key", "any", "depth", "old"), "expect")
        if at.of_type(expect, "any", list, "expect", needed=True) and not expect["any"]:
            at.fault("expect.any", "is empty; write the value")
        at.of_type(expect, "depth", float, "expect")
        at.of_type(expect, "old", list, "expect")
    keys = [_key(str(case.expect.get("key"))) for case in cases]
    for twice in sorted({key for key in keys if keys.count(key) > 1}):
        demands.found.append(f"cases.json: asks for {twice!r} twice; ask once")
    return demands.found
