"""The lines of keys in a TOML file, also where strings and arrays have newlines, brackets and quotes in them."""

from harness.schema.location import Location, key_lines

TRICKY = '''# [not.a.table] "
title = "a # no comment [ \\" {"  # a comment with ' and " and [
path = 'C:\\'
text = """
[looks.like] = "a table"
a ""quoted"""""
raw = \'\'\'
'one' ''two''
\'\'\'
list = [
  "a]", # ]
  ["b", 'c'],
  { x = 1, y = [2, 3] },
]

[[models]]
label = "one"
"a.b" = { c = 1 }
[models.facts]
size.bytes = 5

[[models]]  # [
label = "two"
'''


def test_each_key_has_the_line_on_which_it_begins() -> None:
    assert {key: line for key, line in key_lines(TRICKY).items() if key[-1] != 0} == {
        ("title",): 2,
        ("path",): 3,
        ("text",): 4,
        ("raw",): 7,
        ("list",): 10,
        ("models",): 16,
        ("models", 0, "label"): 17,
        ("models", 0, "a.b"): 18,
        ("models", 0, "a.b", "c"): 18,
        ("models", 0, "facts"): 19,
        ("models", 0, "facts", "size"): 20,
        ("models", 0, "facts", "size", "bytes"): 20,
        ("models", 1): 22,
        ("models", 1, "label"): 23,
    }


def test_windows_newlines_and_separators_within_strings_count_as_editors_count_them() -> None:
    assert key_lines('a = "x\u2028y"\r\nb = [\r\n1,\r\n]\r\nc = 1') == {("a",): 1, ("b",): 2, ("c",): 5}


def test_a_long_array_takes_time_in_proportion_to_its_lines() -> None:
    # Parsed again with each of its lines, as it used to be, it would take minutes.
    text = "a = [\n" + '"xxxxxxxxxxxxxxxxxxxx",\n' * 20_000 + "]\nb = 1\n"
    assert Location("bench.toml", ("b",), text).line == 20_003
