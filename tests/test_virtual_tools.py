"""The virtual tools: the answers to calls, invalid calls, and search patterns that end in time."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from harness.types import Json, ToolCall
from harness.virtual_tools import (
    TOOL_NAMES,
    ToolResult,
    Workspace,
    assistant_tool_calls,
    call_problem,
    run_call,
    tool_definitions,
    tool_messages,
)

FILES = {"app.py": "import db\n\ndef main():\n    return db.get_db()\n", "src/db.py": "def get_db():\n    return 1\n"}


def call(name: str, arguments: Json) -> ToolCall:
    from harness.files import to_json

    return ToolCall("c1", name, arguments if isinstance(arguments, str) else to_json(arguments))


def said(name: str, arguments: Json) -> str:
    return run_call(Workspace(FILES), call(name, arguments)).text


def test_a_file_is_read_whole_or_between_two_lines() -> None:
    assert said("read_file", {"path": "app.py"}) == FILES["app.py"]
    assert said("read_file", {"path": "./app.py", "first_line": 3, "last_line": 4}) == (
        "def main():\n    return db.get_db()"
    )


def test_grep_returns_path_line_and_text_of_every_match_under_a_path() -> None:
    assert said("grep", {"pattern": r"get_db\("}) == "app.py:4:    return db.get_db()\nsrc/db.py:1:def get_db():"
    assert said("grep", {"pattern": "get_db", "path": "src"}) == "src/db.py:1:def get_db():"
    assert said("grep", {"pattern": "nothing like it"}) == "no matches"


def test_an_edit_replaces_the_only_occurrence_and_does_not_modify_its_input() -> None:
    result = run_call(Workspace(FILES), call("edit_file", {"path": "src/db.py", "old": "return 1", "new": "return 2"}))
    assert result.files["src/db.py"] == "def get_db():\n    return 2\n"
    assert result.edited_path == "src/db.py"
    assert FILES["src/db.py"].endswith("return 1\n")


def test_a_path_from_the_root_leads_to_a_file_that_is_there() -> None:
    assert said("read_file", {"path": "/app.py"}) == FILES["app.py"]
    assert said("grep", {"pattern": "get_db", "path": "/src/"}) == "src/db.py:1:def get_db():"
    assert said("grep", {"pattern": "def main", "path": "/"}) == "app.py:3:def main():"
    edit = call("edit_file", {"path": "/src/db.py", "old": "return 1", "new": "return 2"})
    assert run_call(Workspace(FILES), edit).edited_path == "src/db.py"
    assert run_call(Workspace(FILES, protected=("src/db.py",)), edit).refused_path == "src/db.py"
    assert said("read_file", {"path": "/gone.py"}).startswith("error: no such file: '/gone.py'")


def test_a_string_that_overlaps_itself_occurs_twice() -> None:
    files = {"a.md": "aaa\n", "b.md": "a\na"}
    done = run_call(Workspace(files), call("edit_file", {"path": "a.md", "old": "aa", "new": "b"}))
    assert (done.text, done.files) == ("error: `old` occurs 2 times in a.md, not once; nothing was changed", files)
    for path, old in (("a.md", "aaa"), ("b.md", "a\na")):
        assert run_call(Workspace(files), call("edit_file", {"path": path, "old": old, "new": ""})).edited_path == path


def test_an_empty_old_string_creates_a_file_and_never_replaces_one() -> None:
    made = run_call(Workspace(FILES), call("edit_file", {"path": "new.py", "old": "", "new": "X = 1\n"}))
    assert made.files["new.py"] == "X = 1\n"
    kept = run_call(Workspace(FILES), call("edit_file", {"path": "app.py", "old": "", "new": "X = 1\n"}))
    assert kept.files == FILES
    assert kept.wasted_reason == "edit does not fit"


@pytest.mark.parametrize(
    ("arguments", "wasted"),
    [
        ({"path": "app.py", "old": "not there", "new": ""}, "edit does not fit"),
        ({"path": "app.py", "old": "db", "new": ""}, "edit does not fit"),
        ({"path": "gone.py", "old": "x", "new": ""}, "no such file"),
        ({"path": "app.py", "old": "import db", "new": "import db"}, "edit without a change"),
        ({"path": "../out.py", "old": "", "new": "x"}, "path outside"),
        ({"path": "/etc/passwd", "old": "", "new": "x"}, "path outside"),
        ({"path": "src/../src/db.py", "old": "get_db", "new": "x"}, "protected file"),
    ],
)
def test_an_edit_that_cannot_be_applied_changes_nothing_and_is_wasted(arguments: Json, wasted: str) -> None:
    result = run_call(Workspace(FILES, protected=("src/db.py",)), call("edit_file", arguments))
    assert (result.wasted_reason, result.edited_path, result.files) == (wasted, None, FILES)
    assert result.text.startswith("error:")


@pytest.mark.parametrize(
    "path", ["src", ".", "src/..", "app.py/b", "a\0b", "x" * 300, "\ud800", "a\nb", "caf\udce9", "é" * 150]
)
def test_a_file_that_no_folder_could_hold_is_not_created(path: str) -> None:
    result = run_call(Workspace(FILES), call("edit_file", {"path": path, "old": "", "new": "x"}))
    assert (result.wasted_reason, result.edited_path, result.files) == ("impossible path", None, FILES)
    assert result.text.startswith("error:")


@pytest.mark.parametrize(
    ("name", "arguments", "why"),
    [
        ("delete_file", {"path": "app.py"}, "there is no tool 'delete_file'"),
        ("read_file", {}, "$.path: required field is missing"),
        ("read_file", {"path": 3}, "$.path"),
        ("read_file", {"file": "app.py", "encoding": "utf-8"}, "$.path: required field is missing"),
        ("read_file", {"path": "app.py", "first_line": 0}, "$.first_line"),
        ("read_file", {"path": "app.py", "first_line": "0"}, "$.first_line"),
        ("read_file", {"path": "app.py", "first_line": "three"}, "$.first_line"),
        ("read_file", {"path": "app.py", "first_line": [3]}, "$.first_line"),
        ("read_file", {"path": None}, "$.path"),
        ("grep", '{"pattern": "x"', "not JSON"),
        ("grep", "", "$.pattern: required field is missing"),
        ("grep", '{"pattern": "x", "pattern": "y"}', "duplicate key"),
        ("edit_file", ["app.py"], "$"),
    ],
)
def test_a_call_that_breaks_its_schema_is_invalid_and_answered_with_the_reason(
    name: str, arguments: Json, why: str
) -> None:
    result = run_call(Workspace(FILES), call(name, arguments))
    assert result.invalid_reason is not None
    assert why in result.invalid_reason
    assert result.text == f"error: {result.invalid_reason}"
    assert result.files == FILES


@pytest.mark.parametrize(
    "arguments",
    [
        {"path": "app.py", "first_line": "3", "last_line": "4"},
        {"path": "app.py", "first_line": 3, "last_line": " 4 "},
        {"path": "app.py", "first_line": 3, "last_line": 4, "encoding": "utf-8"},
        {"path": "app.py", "first_line": 3, "last_line": None},
        {"path": "app.py", "first_line": 3.0, "last_line": 4},
    ],
)
def test_a_number_as_a_string_and_an_extra_argument_are_tolerated(arguments: Json) -> None:
    result = run_call(Workspace(FILES), call("read_file", arguments))
    assert result.invalid_reason is None
    assert result.text.startswith("def main():\n    return db.get_db()")


@pytest.mark.parametrize(
    "path", ["src/db/__init__.py", "src/db.so", "src.py", "src/__init__.py", "json.py", "re/__init__.py",
             "sitecustomize.py"],
)  # fmt: skip
def test_a_new_file_that_would_be_imported_in_place_of_a_protected_one_is_refused(path: str) -> None:
    workspace = Workspace(FILES, protected=("src/db.py",), language="python", entry="app.py")
    result = run_call(workspace, call("edit_file", {"path": path, "old": "", "new": "x = 1\n"}))
    assert (result.refused_path, result.files) == (path, FILES)
    assert result.text == f"error: {path} must not be created"


@pytest.mark.parametrize("path", ["db.py", "src/json.py", "src/db_test.py", "src/db/readme.md", "src/db.md", "pool.py"])
def test_any_other_new_file_is_made(path: str) -> None:
    workspace = Workspace(FILES, protected=("src/db.py",), language="python", entry="app.py")
    result = run_call(workspace, call("edit_file", {"path": path, "old": "", "new": "x = 1\n"}))
    assert (result.edited_path, result.files[path]) == (path, "x = 1\n")


def test_a_tool_that_is_not_offered_cannot_be_called() -> None:
    assert call_problem(call("edit_file", {"path": "a", "old": "", "new": ""}), ("grep",)) is not None


def test_messages_answer_every_call_in_order_and_later_calls_see_earlier_edits() -> None:
    calls = (
        ToolCall("a", "edit_file", '{"path": "app.py", "old": "import db", "new": "import base"}'),
        ToolCall(None, "grep", '{"pattern": "^import"}'),
    )
    messages, workspace = tool_messages(calls, Workspace(FILES))
    assert [message["tool_call_id"] for message in messages] == ["a", "call_2"]
    assert messages[1]["content"] == "app.py:1:import base"
    assert workspace.files["app.py"].startswith("import base")


def test_tool_definitions_have_the_form_of_a_chat_request() -> None:
    offered = tool_definitions()
    assert [tool["function"]["name"] for tool in offered] == list(TOOL_NAMES)
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


def grep(pattern: str, text: str) -> ToolResult:
    return run_call(Workspace({"a.txt": text}), call("grep", {"pattern": pattern}))


def found(pattern: str, text: str) -> bool:
    result = grep(pattern, text)
    assert result.wasted_reason is None
    return result.text != "no matches"


@pytest.mark.parametrize(("pattern", "text"), PATTERNS)
def test_a_pattern_finds_what_pythons_engine_finds(pattern: str, text: str) -> None:
    python = pattern if pattern != r"a{,3}" else r"a\{,3}"
    assert found(pattern, text) == (re.search(python, text) is not None)


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
def test_any_pattern_agrees_with_pythons_engine(pattern: str, text: str) -> None:
    assert found(pattern, text) == (re.search(pattern, text) is not None)


@pytest.mark.parametrize("levels", [70, 300, 480, 900, 990, 5000])
def test_arguments_that_are_nested_too_deeply_are_an_invalid_call(levels: int) -> None:
    deep = ToolCall("c1", "read_file", f'{{"path": {"[" * levels}1{"]" * levels}}}')
    result = run_call(Workspace(FILES), deep)
    assert result.invalid_reason is not None
    assert "nested" in result.invalid_reason
    assert [message["function"]["arguments"] for message in assistant_tool_calls([deep])] == ["{}"]
    messages, _ = tool_messages([deep], Workspace(FILES))
    assert messages[0]["content"] == result.text


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        ")",
        "[a",
        "a**",
        "*a",
        r"\1",
        "(?=a)",
        "(?P<n>a",
        "a{3000}",
        "a{3,2}",
        "[z-a]",
        "\\",
    ],
)
def test_an_invalid_pattern_is_refused_with_a_reason(pattern: str) -> None:
    assert grep(pattern, "a").text.startswith("error: invalid pattern: ")


def test_a_pattern_that_would_grow_without_bound_is_refused() -> None:
    assert grep("((a{99}){99}){99}", "a").wasted_reason == "invalid pattern"


def test_a_pattern_on_which_backtracking_engines_hang_ends_at_once() -> None:
    assert not found("(a*)*(a*)*(a|aa)+b", "a" * 3000)


@pytest.mark.parametrize("pattern", ["\ud800", "d.b"])
def test_lone_surrogates_in_a_pattern_or_a_file_do_no_harm(pattern: str) -> None:
    assert found(pattern, "\ud800 dxb")
    assert not found(pattern, "dx")


@pytest.mark.parametrize("pattern", ["(?P<name>b)", r"\p{L}", "[[:alpha:]]", "a{300}|b", "(" * 60 + "b" + ")" * 60])
def test_named_groups_character_classes_and_nesting_are_understood(pattern: str) -> None:
    assert found(pattern, "b")


def test_a_pattern_that_would_crash_re2_is_refused() -> None:
    assert grep("(" * 100_000 + ")" * 100_000, "a").wasted_reason == "invalid pattern"


def test_an_invalid_pattern_is_a_valid_call_that_is_wasted() -> None:
    result = run_call(Workspace(FILES), call("grep", {"pattern": "get_db("}))
    assert (result.invalid_reason, result.wasted_reason) == (None, "invalid pattern")


def test_answers_end_once_their_texts_are_longer_than_asked_for() -> None:
    """Of 100,000 calls that read a file, `verify` needs no more answers than the next request has room for."""
    path, text = next(iter(FILES.items()))
    calls = [call("read_file", {"path": path})] * 9
    lengths = [len(message["content"]) for message in tool_messages(calls, Workspace(FILES))[0]]
    assert len(lengths) == 9
    assert min(lengths) >= len(text)
    assert len(tool_messages(calls, Workspace(FILES), 2.5 * lengths[0])[0]) == 3
