"""Tool calls in every shape that servers send them: whole, in pieces, without an index, all under index 0."""

from harness.apis.chat import parse_tool_calls
from harness.read.tool_calls import assemble_tool_calls
from harness.types import Json, ToolCall


def call(index: Json, call_id: Json, name: Json, arguments: Json) -> Json:
    """One entry of `tool_calls`; what is None is left out."""
    function = {"name": name, "arguments": arguments}
    entry = {
        "index": index,
        "id": call_id,
        "function": {key: value for key, value in function.items() if value is not None},
    }
    return {key: value for key, value in entry.items() if value is not None}


def told(*entries: Json) -> list[tuple[str | None, str, str]]:
    """The calls that come of these entries, each in an event of its own."""
    calls = assemble_tool_calls(piece for entry in entries for piece in parse_tool_calls([entry]))
    return [(one.id, one.name, one.arguments) for one in calls]


def test_pieces_of_a_call_are_joined_by_their_index() -> None:
    assert told(
        call(0, "a", "read", ""), call(1, "b", "write", ""), call(0, None, None, '{"x"'), call(1, None, None, "{}"),
        call(0, None, None, ":1}"),
    ) == [("a", "read", '{"x":1}'), ("b", "write", "{}")]  # fmt: skip


def test_a_name_may_come_before_the_arguments_or_with_the_first() -> None:
    assert told(call(0, "a", "read", None), call(0, None, None, "{}")) == [("a", "read", "{}")]
    assert told(call(0, "a", "read", "{"), call(0, None, None, "}")) == [("a", "read", "{}")]


def test_pieces_without_an_index_belong_to_the_last_call_until_a_name_comes() -> None:
    assert told(
        call(None, "a", "read", "{"), call(None, None, None, "}"), call(None, None, "write", "{}")
    ) == [("a", "read", "{}"), (None, "write", "{}")]  # fmt: skip


def test_whole_calls_that_all_say_index_0_are_several_calls() -> None:
    assert told(call(0, "a", "read", "{}"), call(0, "b", "read", "{}")) == [("a", "read", "{}"), ("b", "read", "{}")]


def test_calls_with_one_id_are_told_apart_by_their_index() -> None:
    whole = call(0, "call_0", "read", '{"p":1}'), call(1, "call_0", "read", '{"p":2}')
    assert told(*whole) == [("call_0", "read", '{"p":1}'), ("call_0", "read", '{"p":2}')]
    pieces = (
        call(0, "a", "f", "{"), call(1, "a", "g", "["), call(0, "a", None, "}"), call(1, "a", None, "]"),
        call(2, "a", "h", "7"),
    )  # fmt: skip
    assert told(*pieces) == [("a", "f", "{}"), ("a", "g", "[]"), ("a", "h", "7")]
    assert told(call(None, "a", "f", "{"), call(0, "a", None, "}")) == [("a", "f", "{}")]


def test_a_piece_with_a_known_id_and_another_index_begins_no_call_without_a_name() -> None:
    pieces = call(0, "a", "read", '{"p":'), call(1, "a", None, "1"), call(2, "a", None, "}")
    assert told(*pieces) == [("a", "read", '{"p":1}')]
    # The call under the index comes before the one with the id.
    assert told(call(0, "a", "f", "{"), call(1, None, "g", "["), call(1, "a", None, "]")) == [
        ("a", "f", "{"), ("a", "g", "[]")
    ]  # fmt: skip


def test_the_calls_of_a_whole_message_are_as_many_as_its_entries() -> None:
    entries = [call(None, "call_0", "f", "1"), call(0, "call_0", "f", "2"), call(0, None, None, "3")]
    calls = assemble_tool_calls(parse_tool_calls(entries, is_whole=True))
    assert [(one.id, one.name, one.arguments) for one in calls] == [
        ("call_0", "f", "1"), ("call_0", "f", "2"), (None, "", "3"),
    ]  # fmt: skip


def test_an_id_and_a_name_repeated_in_every_piece_are_one_call() -> None:
    assert told(call(0, "a", "read", "{"), call(0, "a", "read", "}")) == [("a", "read", "{}")]
    assert told(call(None, "a", "read", "{"), call(None, "a", "read", "}")) == [("a", "read", "{}")]


def test_a_new_id_in_every_piece_does_not_break_a_call_that_has_its_name() -> None:
    assert told(call(0, "a", "read", "{"), call(0, "b", None, "}")) == [("a", "read", "{}")]


def test_a_name_in_two_pieces_is_one_name() -> None:
    assert told(call(0, "a", "read", ""), call(0, None, "_file", "{}")) == [("a", "read_file", "{}")]


def test_arguments_that_are_an_object_become_text() -> None:
    assert told(call(0, "a", "read", {"path": "é"})) == [("a", "read", '{"path": "é"}')]


def test_an_id_alone_is_not_generated_but_belongs_to_the_call() -> None:
    (piece,) = parse_tool_calls([call(0, "a", "", "")])
    assert not piece.is_generated
    assert assemble_tool_calls([piece]) == (ToolCall("a", "", ""),)


def test_entries_that_are_not_calls_are_dropped() -> None:
    values: list[Json] = [None, {}, "x", 7, [None, "x", 7, []]]
    assert [parse_tool_calls(value) for value in values] == [()] * len(values)
    odd = {"index": "0", "id": 5, "function": {"name": ["x"], "arguments": 7}}
    assert told(odd, {"function": None}, {"index": True}) == [(None, "", "")]
