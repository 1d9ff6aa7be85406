"""The schemas: valid, equal to the dataclasses in both directions, with problems worded for users."""

import dataclasses
import tomllib
import types
import typing
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from harness.embedded import EmbeddedModel
from harness.errors import Problem, RunError
from harness.files import append_line, find_data, from_json, plain, read_json, read_lines, to_json, to_line
from harness.files.canonical import MAX_JSON_VALUES
from harness.schema import as_document, format_version, load_schema, problems_of, schema_problems, validate
from harness.servers import ServerKind
from harness.tasks.lanes import BuiltInLane
from harness.tasks.manifest import TaskManifest, WrongAnswerEntry
from harness.types import (
    Json,
    Limits,
    LogEntry,
    Manifest,
    Model,
    ModelRun,
    Outcome,
    Recording,
    Result,
    RunPlan,
    RunSettings,
    ScoredTrial,
)
from tests.example import example_result, write_run

NESTED: Json = []
for _ in range(5000):
    NESTED = [NESTED]
NAMES = sorted(path.name.split(".")[0] for path in find_data("schemas").glob("*.schema.json"))
DOCUMENTS: dict[str, type] = {
    "run": RunPlan,
    "models": ModelRun,
    "log": LogEntry,
    "recording": Recording,
    "scores": ScoredTrial,
    "result": Result,
    "manifest": Manifest,
}
TOML_SCHEMAS = tuple(f"urn:lanebench:schema:{name}:v1" for name in ("server", "embedded", "lanes", "real_bug"))
"""TOML has no null: what a dataclass has as None is left out."""
KEYS_OF_LINES = ("schema_version", "previous")
"""The keys of a document that are no fields of its dataclass: its version, and its link in the run's chain."""
JSON_TYPES = {str: "string", bytes: "string", int: "integer", float: "number", bool: "boolean"}


def texts(problems: list[Problem]) -> list[str]:
    return [f"{problem.message}; {problem.fix}".removesuffix("; ") for problem in problems]


def _resolved(node: Json, root: Json) -> Json:
    while "$ref" in node:
        node = root["$defs"][node["$ref"].removeprefix("#/$defs/")]
    return node


def _kinds_of(node: Json) -> set[str]:
    kinds = node.get("type", [])
    return {kinds} if isinstance(kinds, str) else set(kinds)


def _without_none(hint: Any) -> tuple[Any, bool]:
    if typing.get_origin(hint) not in (typing.Union, types.UnionType):
        return hint, False
    rest = [one for one in typing.get_args(hint) if one is not type(None)]
    assert len(rest) == 1, hint
    return rest[0], True


def _differences(kind: Any, node: Json, root: Json, place: str) -> Iterator[str]:
    """Where a dataclass and its schema do not say the same."""
    fields = {field.name for field in dataclasses.fields(kind)}
    hints = typing.get_type_hints(kind)
    for name in sorted(fields ^ set(node["properties"])):
        yield f"{place}.{name}: only in the {'dataclass' if name in fields else 'schema'}"
    if node.get("additionalProperties") is not False:
        yield f"{place}: unknown fields are let in"
    for name in sorted(fields & set(node["properties"])):
        yield from _of_hint(hints[name], node["properties"][name], root, f"{place}.{name}")


def _of_hint(hint: Any, node: Json, root: Json, place: str) -> Iterator[str]:
    node = _resolved(node, root)
    hint, nullable = _without_none(hint)
    if hint is Any:
        return
    if nullable != ("null" in _kinds_of(node)) and root["$id"] not in TOML_SCHEMAS:
        yield f"{place}: null"
    kinds, origin = _kinds_of(node) - {"null"}, typing.get_origin(hint)
    if dataclasses.is_dataclass(hint):
        yield from _differences(hint, node, root, place)
    elif origin is tuple:
        yield from [] if kinds == {"array"} else [f"{place}: a list"]
        yield from _of_hint(typing.get_args(hint)[0], node["items"], root, f"{place}[]")
    elif origin is typing.Literal or (isinstance(hint, type) and issubclass(hint, Enum)):
        values = typing.get_args(hint) or [member.value for member in hint]
        allowed = {*values, None} if nullable else {*values}
        yield from [] if set(node["enum"]) == allowed else [f"{place}: one of {sorted(values)}"]
    elif isinstance(origin, type) and issubclass(origin, Mapping):
        yield from [] if kinds == {"object"} else [f"{place}: an object"]
    elif kinds != {JSON_TYPES[hint]}:
        yield f"{place}: {JSON_TYPES[hint]}"


@pytest.mark.parametrize("name", NAMES)
def test_every_schema_is_valid_and_described(name: str) -> None:
    schema = load_schema(name)
    assert schema_problems(schema) == []
    assert schema["$id"] == f"urn:lanebench:schema:{name}:v1"
    assert schema["title"]
    assert schema["description"]


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_a_schema_and_its_dataclass_name_the_same_fields_of_the_same_types(name: str) -> None:
    schema = load_schema(name)
    content = {
        **schema,
        "properties": {key: node for key, node in schema["properties"].items() if key not in KEYS_OF_LINES},
    }
    assert list(_differences(DOCUMENTS[name], content, schema, "$")) == []


def test_the_schema_of_a_server_kind_names_the_fields_of_its_dataclasses() -> None:
    schema = load_schema("server")
    with_name = {**schema, "properties": {**schema["properties"], "name": {"type": "string"}}}
    assert list(_differences(ServerKind, with_name, schema, "$")) == []


def test_the_embedded_schema_and_its_dataclass_say_the_same() -> None:
    schema = load_schema("embedded")
    assert list(_differences(EmbeddedModel, schema["$defs"]["model"], schema, "$")) == []


def test_the_schema_of_the_built_in_lanes_and_their_dataclass_say_the_same() -> None:
    schema = load_schema("lanes")
    assert list(_differences(BuiltInLane, schema["$defs"]["lane"], schema, "$")) == []


def test_the_config_schema_has_every_setting_and_every_field_of_a_model() -> None:
    config = load_schema("config")
    run, model = _resolved(config["properties"]["run"], config), config["properties"]["models"]["items"]
    assert set(run["properties"]) == {field.name for field in dataclasses.fields(RunSettings)}
    told = {field.name for field in dataclasses.fields(Model)} - {"simulated", "agent_version"}
    assert set(model["properties"]) == told
    defaults = {name: node["default"] for name, node in run["properties"].items() if "default" in node}
    assert defaults == {name: getattr(RunSettings(), name) for name in defaults}


def test_the_task_schema_has_every_key_that_the_loader_reads() -> None:
    schema = load_schema("task")
    manifest = {field.name for field in dataclasses.fields(TaskManifest)}
    assert set(schema["properties"]) == manifest
    rows = schema["properties"]["wrong"]["items"]["properties"]
    assert set(rows) == {field.name for field in dataclasses.fields(WrongAnswerEntry)}
    limits = schema["properties"]["limits"]["properties"]
    assert {name: node["default"] for name, node in limits.items()} == plain(Limits())
    assert set(rows["outcome"]["enum"]) == {one.value for one in Outcome} - {"passed"}


@pytest.mark.parametrize("path", sorted(find_data("fixtures").glob("*/task.toml")), ids=lambda path: path.parent.name)
def test_every_task_that_ships_is_valid(path: Path) -> None:
    assert validate("task", tomllib.loads(path.read_text(encoding="utf-8"))) == []


def test_an_invalid_task_is_refused() -> None:
    document = {"title": "A task", "budget_tokens": 0, "scorer": {}, "wrong": [{"file": "a.md", "fails": []}]}
    assert texts(validate("task", document)) == [
        "$.budget_tokens: expected 1 or more, got 0",
        "$.scorer.kind: required field is missing; add it: A scorer kind; `speed` only measures.",
        "$.wrong[0].fails: expected at least 1 entry, got []",
    ]


def test_a_field_that_only_one_side_has_or_types_differently_is_found() -> None:
    @dataclasses.dataclass
    class Noun:
        one: int
        two: str

    node = {"additionalProperties": False, "properties": {"one": {"type": "number"}, "three": {"type": "string"}}}
    assert list(_differences(Noun, node, node, "$")) == [
        "$.three: only in the schema",
        "$.two: only in the dataclass",
        "$.one: integer",
    ]


def test_every_file_of_the_example_is_valid(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    assert validate("run", read_json(run / "run.json")) == []
    assert validate("result", read_json(run / "result.json")) == []
    for name, file in (("recording", "recordings"), ("scores", "scores"), ("models", "models")):
        assert [fault for _, line in read_lines(run / f"{file}.jsonl") for fault in validate(name, line)] == []


def test_all_problems_are_reported_at_once_with_place_and_fix() -> None:
    document = {
        "run": {"trails": 3, "trials": 0, "idle_s": float("nan")},
        "models": [{"label": "a b", "server": 1, "base_url": "http://127.0.0.1:1/v1", "thinking": "onn"}],
    }
    assert texts(validate("config", document)) == [
        '$.models[0].label: expected a string that matches ^[A-Za-z0-9][A-Za-z0-9._:+-]{0,63}$, got "a b"',
        "$.models[0].model: required field is missing; add it: The model id as the server knows it.",
        "$.models[0].server: expected string, got 1",
        "$.models[0].thinking: expected one of on, off, default, got \"onn\"; did you mean 'on'?",
        "$.run.idle_s: expected a finite number, got nan",
        "$.run.trails: unknown field; did you mean 'trials'?",
        "$.run.trials: expected 1 or more, got 0",
    ]


MODEL = {"label": "m", "server": "openai", "base_url": "http://127.0.0.1:1/v1", "model": "m"}
KEY_ENV = "Name of the environment variable that holds the API key. The key itself is never written anywhere."


@pytest.mark.parametrize("name", ["api_key", "API-Key", "key", "token"])
def test_a_key_in_the_file_is_led_to_key_env(name: str) -> None:
    assert texts(validate("config", {"models": [{**MODEL, name: "sk-abc123456789"}]})) == [
        f"$.models[0]{f'.{name}'}: unknown field; did you mean 'key_env'? {KEY_ENV}"
    ]


@pytest.mark.parametrize("value", ["sk-abc123456789", 123456789])
def test_a_key_in_place_of_its_variable_is_not_repeated(value: Json) -> None:
    (text,) = texts(validate("config", {"models": [{**MODEL, "key_env": value}]}))
    assert "123456789" not in text
    assert text.startswith("$.models[0].key_env: expected ")
    assert text.endswith(f", got another value; write it like OPENAI_API_KEY: {KEY_ENV}")


def test_a_value_of_another_form_is_shown_an_example() -> None:
    (text,) = texts(validate("config", {"models": [{**MODEL, "base_url": "127.0.0.1:1"}]}))
    assert text.endswith(
        'got "127.0.0.1:1"; write it like http://127.0.0.1:8080/v1: The server\'s address, ending in /v1.'
    )


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        (("run", "started_at"), "2026-11-23T10:00:00", "expected a string that matches"),
        (("run", "seed"), 2**53, "within 2^53 - 1"),
        (("host", "load_1m"), float("inf"), "finite"),
        (("cells", 0, "pass_rate", "rate"), 87.5, "expected 1 or less"),
        (("cells", 0, "outcomes"), {"solved": 1}, "outcomes"),
        (("trials", 0, "outcome"), "pass", "did you mean 'passed'"),
        (("models", 0, "label"), "steady\n", "expected a string that matches"),
        (("schema_version",), "2.0", "this version of lanebench reads 1.0"),
    ],
)
def test_a_result_with_one_wrong_value_is_refused(place: tuple[str | int, ...], value: Json, told: str) -> None:
    document = _example()
    *way, last = place
    inner = document
    for step in way:
        inner = inner[step]
    inner[last] = value
    found = texts(validate("result", document))
    assert found
    assert any(told in problem for problem in found), found
    assert len({problem.split(": ")[0] for problem in found}) == 1


@pytest.mark.parametrize("text", ['{"a": NaN}', '{"a": -Infinity}', '{"a": 1, "a": 2}', "[" * 200_000])
def test_json_that_two_readers_could_understand_differently_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"NaN|Infinity|duplicate|deep"):
        from_json(text)


def test_a_number_too_large_for_a_float_is_refused_by_every_schema() -> None:
    assert any("finite" in problem.message for problem in validate("models", from_json('{"load_s": 1e999}')))


@pytest.mark.parametrize("value", [float("inf"), [0] * (MAX_JSON_VALUES + 1), NESTED], ids=["inf", "values", "nested"])
def test_a_line_that_could_not_be_read_again_is_not_appended(value: Json, tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    append_line(path, {"a": 1})
    with pytest.raises(RunError, match=r"lines\.jsonl: a line that could not be read again is not written"):
        append_line(path, {"a": value})
    append_line(path, {"a": "x,[{" * MAX_JSON_VALUES})
    assert [number for number, _ in read_lines(path)] == [1, 2]


def test_a_long_line_has_its_characters_beyond_two_bytes_escaped() -> None:
    value = {"a": "\U0001f980", "b": "x" * 100}
    assert to_line(value) == (to_json(value) + "\n").encode()
    assert to_line(value, max_astral_bytes=100).isascii()
    assert from_json(to_line(value, max_astral_bytes=100)) == value


def test_a_result_in_memory_is_validated_like_its_file() -> None:
    assert validate("result", as_document("result", example_result())) == []


def test_an_inline_schema_validates_the_arguments_of_a_tool() -> None:
    schema = {
        "type": "object",
        "properties": {"path": {"type": "string"}, "line": {"anyOf": [{"type": "integer"}, {"type": "null"}]}},
        "required": ["path"],
        "additionalProperties": False,
    }
    assert problems_of({"path": "a.py", "line": None}, schema) == []
    assert texts(problems_of({"pth": "a.py", "line": "3"}, schema)) == [
        '$.line: expected integer or null, got "3"',
        "$.path: required field is missing; add it",
        "$.pth: unknown field; did you mean 'path'?",
    ]


def test_of_several_alternatives_the_nearest_is_reported() -> None:
    schema = {"oneOf": [{"type": "string"}, {"type": "object", "required": ["name"], "properties": {"name": {}}}]}
    assert texts(problems_of({}, schema)) == ["$.name: required field is missing; add it"]


def test_an_invalid_schema_is_reported() -> None:
    assert schema_problems({"type": "strng"})


def _example() -> Json:
    return from_json(to_json(as_document("result", example_result())))


def test_a_result_must_have_every_field() -> None:
    document = _example()
    del document["summaries"][0]["drift"]
    del document["sources"]
    assert [problem.message for problem in validate("result", document)] == [
        "$.sources: required field is missing",
        "$.summaries[0].drift: required field is missing",
    ]


@pytest.mark.parametrize("version", ["1.999", "2.0", "0.9", ""])
def test_another_version_of_a_format_is_refused_in_one_line(version: str) -> None:
    (problem,) = validate("result", _example() | {"schema_version": version, "future_field": 1})
    supported = format_version("result")
    expected = f'$.schema_version: version "{version}" is not supported, this version of lanebench reads {supported}'
    assert problem == Problem(expected, "use the version of lanebench that wrote the file")


def test_an_unknown_field_of_a_file_in_this_version_is_refused() -> None:
    (problem,) = validate("result", _example() | {"future_field": 1})
    assert "unknown field" in problem.message


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_a_format_has_one_version_which_the_readme_lists(name: str) -> None:
    readme = (find_data("schemas") / "README.md").read_text(encoding="utf-8")
    assert f"`{name}.v1.schema.json` | {format_version(name)} |" in readme
    assert format_version(name).split(".")[0] == "1"
