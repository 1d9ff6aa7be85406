"""The validator agrees with the reference implementation of JSON Schema, and takes what other libraries refuse."""

import copy
import datetime
from collections.abc import Iterator
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from harness.files import read_json, read_lines
from harness.schema import load_schema, problems_of, validate
from harness.types import Json
from tests.deep import part_and_whole
from tests.example import write_run

ODD: tuple[Json, ...] = (None, True, -1, 1.5, "x\n", ["x", "x"], {"x": 1})
JsonPath = tuple[str | int, ...]


def _paths(value: Json, path: JsonPath = ()) -> Iterator[JsonPath]:
    if path:
        yield path
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _paths(inner, (*path, name))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from _paths(inner, (*path, at))


def _pruned(value: Json) -> Json:
    """The same with one entry in each list: every path once."""
    if isinstance(value, dict):
        return {name: _pruned(inner) for name, inner in value.items()}
    return [_pruned(inner) for inner in value[:1]] if isinstance(value, list) else value


def _mutations(document: Json, path: JsonPath) -> Iterator[Json]:
    """The document with odd values at one path, with that path gone, and with an unknown field beside it."""
    *before, last = path
    mutated = copy.deepcopy(document)
    parent = mutated
    for step in before:
        parent = parent[step]
    for odd in ODD:
        parent[last] = odd
        yield mutated
    del parent[last]
    yield mutated
    if isinstance(parent, dict):
        parent["unknown"] = 1
        yield mutated


def _documents(tmp_path: Path) -> dict[str, Json]:
    run = write_run(tmp_path / "run")
    documents = {"run": read_json(run / "run.json"), "result": read_json(run / "result.json")}
    for name, file in (("recording", "recordings"), ("scores", "scores"), ("models", "models")):
        documents[name] = next(iter(read_lines(run / f"{file}.jsonl")))[1]
    return {name: _pruned(document) for name, document in documents.items()}


@pytest.mark.parametrize("every", part_and_whole(10, 1))
def test_nothing_is_accepted_that_the_reference_implementation_refuses(tmp_path: Path, every: int) -> None:
    accepted = refused = 0
    for name, document in _documents(tmp_path).items():
        reference = Draft202012Validator(load_schema(name))
        assert validate(name, document) == []
        for path in list(_paths(document))[::every]:
            for mutated in _mutations(document, path):
                if validate(name, mutated):
                    refused += 1
                else:
                    accepted += 1
                    assert reference.is_valid(mutated), (name, path)
    assert refused > accepted > 0


def test_a_definition_may_refer_to_itself() -> None:
    tree = {"$ref": "#/$defs/tree", "$defs": {"tree": {"type": "array", "items": {"$ref": "#/$defs/tree"}}}}
    assert problems_of([[], [[]]], tree) == []
    assert problems_of([[], [1]], tree)


def test_a_pattern_ends_where_the_string_ends() -> None:
    assert problems_of("abc", {"pattern": "^[a-z]+$"}) == []
    assert problems_of("abc\n", {"pattern": "^[a-z]+$"})
    assert problems_of("costs $", {"pattern": r"costs \$"}) == []


def test_a_lone_surrogate_is_a_character_like_any_other() -> None:
    schema = {"type": "object", "properties": {"text": {"type": "string", "maxLength": 1}}}
    assert problems_of({"text": "\ud800"}, schema) == []
    assert problems_of({"text": "\ud800\ud800"}, schema) != []


def test_only_the_kits_files_are_limited_to_integers_that_every_json_reader_keeps() -> None:
    assert problems_of({"n": 10**30}, {"properties": {"n": {"type": "integer"}}}) == []
    (problem,) = problems_of({"n": 10**30}, {"properties": {"n": {"type": "string"}}})
    assert problem.message == f"$.n: expected string, got {10**30}"


@pytest.mark.parametrize("levels", [65, 300, 900])
def test_a_value_that_is_nested_too_deeply_to_be_walked_is_one_problem(levels: int) -> None:
    value: Json = 1
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    problem = "$: nested more than 64 levels deep"
    assert [found.message for found in problems_of(value, {"type": "string"})] == [problem]
    assert [found.message for found in validate("scores", {"schema_version": value})] == [problem]


def test_a_tuple_is_an_array() -> None:
    assert problems_of((1, 2), {"type": "array", "items": {"type": "integer"}}) == []


@pytest.mark.parametrize("value", [datetime.date(2026, 1, 2), datetime.time(1, 2), datetime.datetime(2026, 1, 2)])
def test_a_date_or_time_of_toml_is_refused_even_where_a_string_is_expected(value: Json) -> None:
    (problem,) = problems_of({"title": value}, {"properties": {"title": {"type": "string"}}})
    assert problem.message == f"$.title: expected a JSON type, got the date or time {value}"
    assert problem.fix == "put it in quotes"
