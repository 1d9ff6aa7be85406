"""The quick check never says yes to what jsonschema refuses, and is worth having."""

import copy
from collections.abc import Iterator
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from harness.files import read_json, read_lines
from harness.schema import load_schema
from harness.schema.fast_check import ecma_pattern, quick_check
from harness.types import Json
from tests.example import write_run

ODD: tuple[Json, ...] = (None, True, -1, 1.5, "x\n", ["x", "x"], {"x": 1})


def _places(value: Json, way: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if way:
        yield way
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _places(inner, (*way, name))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from _places(inner, (*way, at))


def _pruned(value: Json) -> Json:
    """The same with one entry in each list: every place once."""
    if isinstance(value, dict):
        return {name: _pruned(inner) for name, inner in value.items()}
    return [_pruned(inner) for inner in value[:1]] if isinstance(value, list) else value


def _changed(document: Json, way: tuple[str | int, ...]) -> Iterator[Json]:
    """The document with odd values at one place, with that place gone, and with a stranger beside it."""
    *before, last = way
    mine = copy.deepcopy(document)
    inner = mine
    for step in before:
        inner = inner[step]
    for odd in ODD:
        inner[last] = odd
        yield mine
    del inner[last]
    yield mine
    if isinstance(inner, dict):
        inner["stranger"] = 1
        yield mine


def _documents(tmp_path: Path) -> dict[str, Json]:
    run = write_run(tmp_path / "run")
    found = {"run": read_json(run / "run.json"), "result": read_json(run / "result.json")}
    for name, file in (("recording", "recordings"), ("scores", "scores"), ("models", "models")):
        found[name] = next(iter(read_lines(run / f"{file}.jsonl")))[1]
    return {name: _pruned(document) for name, document in found.items()}


def test_nothing_is_let_through_that_jsonschema_refuses(tmp_path: Path) -> None:
    said_yes = said_no = 0
    for name, document in _documents(tmp_path).items():
        schema = load_schema(name)
        validator, check = Draft202012Validator(schema), quick_check(schema)
        assert check
        assert check(document)
        for way in list(_places(document)):
            for changed in _changed(document, way):
                if check(changed):
                    said_yes += 1
                    assert validator.is_valid(changed), (name, way)
                else:
                    said_no += 1
    assert said_no > said_yes > 0


@pytest.mark.parametrize("name", ["models", "recording", "result", "run", "scores"])
def test_the_forms_that_grow_with_the_trials_have_a_quick_check(name: str) -> None:
    assert quick_check(load_schema(name)) is not None


def test_a_schema_with_other_keywords_has_none() -> None:
    assert quick_check({"type": "object", "dependentRequired": {"a": ["b"]}}) is None
    assert quick_check({"enum": [1, 2]}) is None


def test_a_definition_may_name_itself() -> None:
    tree = {"$ref": "#/$defs/tree", "$defs": {"tree": {"type": "array", "items": {"$ref": "#/$defs/tree"}}}}
    check = quick_check(tree)
    assert check
    assert check([[], [[]]])
    assert not check([[], [1]])


def test_a_pattern_ends_where_the_text_ends() -> None:
    check = quick_check({"pattern": "^[a-z]+$"})
    assert check
    assert check("abc")
    assert not check("abc\n")
    assert ecma_pattern(r"costs \$") == r"costs \$"
