"""The virtual tools: what a call answers, what is no valid call, and patterns that end in time."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from harness.types import Json, ToolCall
from harness.virtual_tools import NAMES, Bench, definitions, fault_of, tool_messages, use
from harness.virtual_tools.pattern import Pattern, PatternError

FILES = {"app.py": "import db\n\ndef main():\n    return db.get_db()\n", "src/db.py": "def get_db():\n    return 1\n"}


def call(name: str, arguments: Json) -> ToolCall:
    from harness.files import to_json

    return ToolCall("c1", name, arguments if isinstance(arguments, str) else to_json(arguments))


def said(name: str, arguments: Json) -> str:
    return use(Bench(FILES), call(name, arguments)).text


def test_a_file_is_read_whole_or_between_two_lines() -> None:
    assert said("read_file", {"path": "app.py"}) == FILES["app.py"]
    assert said("read_file", {"path": "./app.py", "first_line": 3, "last_line": 4}) == (
        "def main():\n    return db.get_db()"
    )


def test_grep_tells_path_line_and_text_of_every_match_under_a_path() -> None:
    assert said("grep", {"pattern": r"get_db\("}) == "app.py:4:    return db.get_db()\nsrc/db.py:1:def get_db():"
    assert said("grep", {"pattern": "get_db", "path": "src"}) == "src/db.py:1:def get_db():"
    assert said("grep", {"pattern": "nothing like it"}) == "no matches"


def test_an_edit_changes_the_one_place_and_leaves_the_files_it_was_given_alone() -> None:
    used = use(Bench(FILES), call("edit_file", {"path": "src/db.py", "old": "return 1", "new": "return 2"}))
    assert used.files["src/db.py"] == "def get_db():\n    return 2\n"
    assert used.edited == "src/db.py"
    assert FILES["src/db.py"].endswith("return 1\n")


def test_an_empty_old_text_makes_a_new_file_and_never_replaces_one() -> None:
    made = use(Bench(FILES), call("edit_file", {"path": "new.py", "old": "", "new": "X = 1\n"}))
    assert made.files["new.py"] == "X = 1\n"
    kept = use(Bench(FILES), call("edit_file", {"path": "app.py", "old": "", "new": "X = 1\n"}))
    assert kept.files == FILES
    assert kept.wasted == "edit does not fit"


@pytest.mark.parametrize(
    ("arguments", "wasted"),
    [
        ({"path": "app.py", "old": "not there", "new": ""}, "edit does not fit"),
        ({"path": "app.py", "old": "db", "new": ""}, "edit does not fit"),
        ({"path": "gone.py", "old": "x", "new": ""}, "no such file"),
        ({"path": "app.py", "old": "import db", "new": "import db"}, "edit of nothing"),
        ({"path": "../out.py", "old": "", "new": "x"}, "path outside"),
        ({"path": "/etc/passwd", "old": "", "new": "x"}, "path outside"),
        ({"path": "src/../src/db.py", "old": "get_db", "new": "x"}, "protected file"),
    ],
)
def test_an_edit_that_cannot_be_made_changes_nothing_and_is_told_as_wasted(arguments: Json, wasted: str) -> None:
    used = use(Bench(FILES, protected=("src/db.py",)), call("edit_file", arguments))
    assert (used.wasted, used.edited, used.files) == (wasted, None, FILES)
    assert used.text.startswith("error:")


@pytest.mark.parametrize(
    ("name", "arguments", "why"),
    [
        ("delete_file", {"path": "app.py"}, "there is no tool 'delete_file'"),
        ("read_file", {}, "$.path: required field is missing"),
        ("read_file", {"path": 3}, "$.path"),
        ("read_file", {"path": "app.py", "encoding": "utf-8"}, "unknown field"),
        ("read_file", {"path": "app.py", "first_line": 0}, "$.first_line"),
        ("grep", '{"pattern": "x"', "not JSON"),
        ("grep", "", "$.pattern: required field is missing"),
        ("grep", '{"pattern": "x", "pattern": "y"}', "duplicate key"),
        ("edit_file", ["app.py"], "$"),
    ],
)
def test_a_call_that_breaks_its_schema_is_invalid_and_answered_with_the_reason(
    name: str, arguments: Json, why: str
) -> None:
    used = use(Bench(FILES), call(name, arguments))
    assert used.invalid is not None
    assert why in used.invalid
    assert used.text == f"error: {used.invalid}"
    assert used.files == FILES


def test_a_tool_that_is_not_offered_is_no_tool() -> None:
    assert fault_of(call("edit_file", {"path": "a", "old": "", "new": ""}), ("grep",)) is not None


def test_messages_answer_every_call_in_order_and_later_calls_see_earlier_edits() -> None:
    calls = (
        ToolCall("a", "edit_file", '{"path": "app.py", "old": "import db", "new": "import base"}'),
        ToolCall(None, "grep", '{"pattern": "^import"}'),
    )
    messages, bench = tool_messages(calls, Bench(FILES))
    assert [message["tool_call_id"] for message in messages] == ["a", "call_2"]
    assert messages[1]["content"] == "app.py:1:import base"
    assert bench.files["app.py"].startswith("import base")


def test_what_is_offered_is_in_the_form_of_a_chat_request() -> None:
    offered = definitions()
    assert [tool["function"]["name"] for tool in offered] == list(NAMES)
    assert all(tool["type"] == "function" for tool in offered)
    assert all(tool["function"]["parameters"]["additionalProperties"] is False for tool in offered)


PATTERNS = [
    (r"def get_db\(", "def get_db():"),
    (r"get_.*db", "get the db"),
    (r"^\s*return\b", "    return 1"),
    (r"^\s*return\b", "    returned"),
    (r"a|b|", ""),
    (r"(ab)+c", "xababc"),
    (r"(ab){2}c", "abc"),
    (r"(ab){2,}c", "ababababc"),
    (r"x{0}y", "y"),
    (r"x{1,2}y$", "xxxy"),
    (r"[^a-c]", "abc"),
    (r"[\w.]+@[a-z-]+", "me.you@here"),
    (r"[]a]", "]"),
    (r"\.py$", "app.py"),
    (r"\.py$", "app_py"),
    (r"(?i)SELECT", "a select b"),
    (r"(?i)[a-c]+", "ABC"),
    (r"a{,3}", "a{,3}"),
    (r"(?:one|two)\s+\d+", "two  22"),
    (r"\Bdb", "db"),
    (r"a+?b", "aab"),
]


@pytest.mark.parametrize(("pattern", "text"), PATTERNS)
def test_a_pattern_finds_what_the_usual_engine_finds(pattern: str, text: str) -> None:
    usual = pattern if pattern != r"a{,3}" else r"a\{,3}"
    assert Pattern(pattern).is_in(text) == (re.search(usual, text) is not None)


@given(
    some.recursive(
        some.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\w", r"\b", "^", "$"]),
        lambda inner: some.one_of(
            some.builds("({})*".format, inner),
            some.builds("(?:{})?".format, inner),
            some.builds("({}){{1,2}}".format, inner),
            some.builds("{}{}".format, inner, inner),
            some.builds("({}|{})".format, inner, inner),
        ),
        max_leaves=6,
    ),
    some.text("ab c", max_size=6),
)
@example("(a|b)*", "")
def test_any_pattern_agrees_with_the_usual_engine(pattern: str, text: str) -> None:
    assert Pattern(pattern).is_in(text) == (re.search(pattern, text) is not None)


@pytest.mark.parametrize(
    "pattern",
    ["(", ")", "[a", "a**", "*a", r"\1", "(?=a)", "(?P<n>a)", "a{300}", "a{3,2}", "[z-a]", "\\", "(" * 60 + ")" * 60],
)
def test_a_pattern_that_cannot_be_read_is_refused_with_a_reason(pattern: str) -> None:
    with pytest.raises(PatternError):
        Pattern(pattern)


def test_a_pattern_that_would_grow_without_bound_is_refused() -> None:
    with pytest.raises(PatternError, match="too large"):
        Pattern("((a{99}){99}){99}")


def test_a_pattern_that_ruins_engines_that_go_back_ends_at_once() -> None:
    assert not Pattern("(a*)*(a*)*(a|aa)+b").is_in("a" * 3000)


def test_an_unreadable_pattern_is_a_valid_call_that_was_wasted() -> None:
    used = use(Bench(FILES), call("grep", {"pattern": "get_db("}))
    assert (used.invalid, used.wasted) == (None, "unreadable pattern")
