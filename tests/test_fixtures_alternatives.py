"""Correct answers unlike the reference solution: a task that refuses one of them measures style, not ability."""

import difflib
import json
import re
from collections.abc import Callable, Iterator

import pytest

from harness.sandbox import DockerSandbox, open_sandbox
from harness.score import score
from harness.tasks import SELF_CHECK_SEED, HiddenCases, readings_of, vary
from harness.types import Json, Outcome, Variant
from tests.samples import kit_tasks

pytestmark = pytest.mark.engine


TASKS = kit_tasks()

Answer = Callable[[Variant], list[str]]


def names_of(variant: Variant) -> dict[str, str]:
    return dict(variant.task.variants[variant.index])


def fenced(language: str, code: str) -> str:
    return f"Here it is.\n\n```{language}\n{code}\n```\n\nTell me if you want it otherwise."


def sorted_instead(variant: Variant) -> list[str]:
    """Functions that build new lists and return early, in place of swaps."""
    names = names_of(variant)
    code = """def %(SPLIT)s(pool, low, high):
    *others, pivot = pool[low:high + 1]
    before = [number for number in others if number %(SIGN)s pivot]
    after = [number for number in others if not number %(SIGN)s pivot]
    pool[low:high + 1] = before + [pivot] + after
    return low + len(before)


def %(FUNC)s(%(ITEMS)s, %(RANK)s):
    if %(RANK)s not in range(%(BASE)s, %(BASE)s + len(%(ITEMS)s)):
        %(MISSING)s
    return sorted(%(ITEMS)s, reverse=%(REVERSED)s)[%(RANK)s - %(BASE)s]
"""
    return [code % names]


def with_pathlib(variant: Variant) -> list[str]:
    code = """import argparse
import json
from collections import Counter
from pathlib import Path

KEYS = ["%(TOTAL)s", "%(CODE)s", "%(BLANK)s", "%(COMMENT)s"]


def %(COUNT)s(text):
    lines = text.removesuffix("\\n").split("\\n") if text else []
    blank = sum(not line.strip() for line in lines)
    comment = sum(line.strip().startswith("%(MARK)s") for line in lines)
    return {
        "%(TOTAL)s": len(lines),
        "%(CODE)s": len(lines) - blank - comment,
        "%(BLANK)s": blank,
        "%(COMMENT)s": comment,
        "%(GUARD)s": any(line.startswith("%(START)s") for line in lines),
    }


def %(ADD)s(entries):
    sums = Counter()
    for entry in entries:
        sums.update({key: entry[key] for key in KEYS})
    return {key: sums[key] for key in KEYS}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("output", type=Path)
    args = parser.parse_args()
    found = []
    for path in args.folder.rglob("*%(SUFFIX)s"):
        if path.is_file():
            entry = {"path": path.relative_to(args.folder).as_posix()}
            entry.update(%(COUNT)s(path.read_text(encoding="utf-8")))
            found.append(entry)
    found = sorted(found, key=lambda entry: entry["path"], reverse=%(REVERSED)s)
    sums = %(ADD)s(found)
    args.output.write_text(json.dumps({"%(FILES)s": found, "%(SUM)s": sums}, indent=2), encoding="utf-8")
    files, lines = len(found), sums["%(TOTAL)s"]
    print(f"{%(FIRST)s}%(MIDDLE)s{%(SECOND)s}%(END)s")


if __name__ == "__main__":
    main()"""
    return [fenced("python", code % names_of(variant))]


def email_after(variant: Variant) -> str:
    names = names_of(variant)
    old = names["OLD"] + "\n"
    digits = names["DIGIT_CODE"].replace("category", "kind")
    new = f'    kind = unicodedata.category(character)\n    return kind[0] in "LM" or {digits}\n'
    before = variant.files["validate_email.py"]
    assert old in before
    return before.replace(old, new)


def as_a_whole_file(variant: Variant) -> list[str]:
    return [f"`validate_email.py`\n```python\n{email_after(variant)}```\n"]


def as_a_diff(variant: Variant) -> list[str]:
    before = variant.files["validate_email.py"].splitlines(keepends=True)
    after = email_after(variant).splitlines(keepends=True)
    diff = "".join(difflib.unified_diff(before, after, "a/validate_email.py", "b/validate_email.py"))
    return [f"```diff\n{diff}```"]


_BLOCK = re.compile(r"(\S+)\n<<<<<<< SEARCH\n(.*?)=======\n(.*?)>>>>>>> REPLACE", re.DOTALL)


def edited(variant: Variant) -> dict[str, str]:
    """The files that the reference changes, as it leaves them."""
    after: dict[str, str] = {}
    for path, old, new in _BLOCK.findall(variant.solution[0]):
        before = after.get(path, variant.files[path])
        assert before.count(old) == 1
        after[path] = before.replace(old, new)
    return after


def as_whole_files(variant: Variant) -> list[str]:
    return ["\n\n".join(f"**{path}**\n\n```python\n{text}```" for path, text in edited(variant).items())]


def as_diffs(variant: Variant) -> list[str]:
    """A diff without context that could be mistaken, its line numbers off by ten."""
    out = []
    for path, text in edited(variant).items():
        before, after = variant.files[path].splitlines(keepends=True), text.splitlines(keepends=True)
        diff = "".join(difflib.unified_diff(before, after, f"a/{path}", f"b/{path}"))
        out.append(re.sub(r"@@ -(\d+)", lambda found: f"@@ -{int(found[1]) + 10}", diff))
    return ["```diff\n" + "".join(out) + "```"]


def views_by_other_means(variant: Variant) -> list[str]:
    names = names_of(variant)
    code = """create view still_out as
  select (select name from %(THING)s t where t.id = h.%(THING_ID)s) as name, %(WHO)s as who, %(OUT)s as since
  from %(HIRE)s h where %(BACK)s is null;
create view takings(kind, ended, money) as
  with done as (
    select t.%(KIND)s k, %(BASE)s + (julianday(h.%(BACK)s) - julianday(h.%(OUT)s) + 1) * t.%(RATE)s m
    from %(HIRE)s h join %(THING)s t on t.id = h.%(THING_ID)s where h.%(BACK)s is not null)
  select k.%(KIND)s, (select count(*) from done where done.k = k.%(KIND)s),
    (select cast(total(m) as integer) from done where done.k = k.%(KIND)s)
  from (select distinct %(KIND)s from %(THING)s) k;
create view best(kind, who, days) as
  with sums as (
    select t.%(KIND)s kind, h.%(WHO)s who,
      cast(sum(julianday(h.%(BACK)s) - julianday(h.%(OUT)s) + 1) as integer) days
    from %(HIRE)s h join %(THING)s t on t.id = h.%(THING_ID)s where h.%(BACK)s is not null group by 1, 2)
  select * from sums s where days = (select %(BEST_OF)s(days) from sums where kind = s.kind);
create view clashes(first_id, second_id) as
  select a.id, b.id from %(HIRE)s a, %(HIRE)s b
  where a.%(THING_ID)s = b.%(THING_ID)s and a.id < b.id
    and a.%(OUT)s <= coalesce(b.%(BACK)s, '9999-12-31') and b.%(OUT)s <= coalesce(a.%(BACK)s, '9999-12-31');
create view running(day, money, total) as
  with per(day, money) as (
    select h.%(BACK)s,
      cast(sum(%(BASE)s + (julianday(h.%(BACK)s) - julianday(h.%(OUT)s) + 1) * t.%(RATE)s) as integer)
    from %(HIRE)s h join %(THING)s t on t.id = h.%(THING_ID)s where h.%(BACK)s is not null group by 1)
  select day, money, (select sum(money) from per q where q.day <= per.day) from per;"""
    return [fenced("sql", code % names)]


def bash_with_find(variant: Variant) -> list[str]:
    code = r"""#!/bin/bash
if [ "$#" -ne 2 ] || [ ! -d "$1" ]; then echo "usage: answer.sh FOLDER KEEP" >&2; exit %(EXIT)s; fi
case "$2" in ''|*[!0-9]*|0*) echo "bad number" >&2; exit %(EXIT)s;; esac
cd "$1" || exit %(EXIT)s
find . -maxdepth 1 -type f -name '*.%(EXT)s' -size +0c -print0 | LC_ALL=C sort -z | while IFS= read -r -d '' path; do
  rm -f "$path%(SUF)s$2"
  i=$(($2 - 1))
  while [ "$i" -ge %(FIRST)s ]; do
    [ -f "$path%(SUF)s$i" ] && mv -f "$path%(SUF)s$i" "$path%(SUF)s$((i + 1))"
    i=$((i - 1))
  done
  cp "$path" "$path%(SUF)s%(FIRST)s"
  : > "$path"
  printf '%%s %%s\n' %(WORD)s "${path#./}"
done"""
    return [fenced("bash", code % names_of(variant))]


def with_many_tool_calls(variant: Variant) -> list[str]:
    """A tool loop that looks around first and does one thing a reply."""
    names = names_of(variant)
    get = names["GET"]
    old = f'def {get}():\n    """A connection to the database."""\n    return connect(LOCATION)\n'
    new = f"""def {get}():
    state = app.state
    db = getattr(state, "_connection", None)
    if db is None:
        db = state._connection = connect(LOCATION)
    return db


def _close():
    db = getattr(app.state, "_connection", None)
    if db:
        db.close()


app.teardown(_close)
"""
    calls: list[tuple[str, Json]] = [
        ("grep", {"pattern": f"{get}\\(", "path": "."}),
        ("read_file", {"path": "store.py"}),
        ("read_file", {"path": "web.py", "first_line": 1, "last_line": 60}),
        ("edit_file", {"path": "store.py", "old": old, "new": new}),
        ("edit_file", {"path": "store.py", "old": "LOCATION = ", "new": "from web import app\n\nLOCATION = "}),
        ("read_file", {"path": "store.py"}),
    ]
    said = [f"```tool_calls\n{json.dumps([{'name': name, 'arguments': given}])}\n```" for name, given in calls]
    return [*said, "Every request has one connection now, and it is closed when the request ends."]


def declined_in_other_words(variant: Variant) -> list[str]:
    reason = variant.task.settings["reasons"][0]
    return [json.dumps({"detail": "It cannot be done as asked.", "reason": reason, "status": "cannot"})]


ALTERNATIVES: list[tuple[str, int, Answer]] = [
    ("code-bugfix", 2, sorted_instead),
    ("code-refactor", 1, with_pathlib),
    ("code-edit-in-context", 0, as_a_whole_file),
    ("code-edit-in-context", 3, as_a_diff),
    ("code-multifile", 4, as_whole_files),
    ("code-multifile", 2, as_diffs),
    ("code-edit-large", 1, as_diffs),
    ("code-new-sql", 1, views_by_other_means),
    ("code-new-bash", 0, bash_with_find),
    ("code-tooluse", 2, with_many_tool_calls),
    ("cannot-do-file", 0, declined_in_other_words),
    ("cannot-do-api", 4, declined_in_other_words),
]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[DockerSandbox]:
    with open_sandbox("test-alternatives", lambda line: None, ["bash", "python", "sql"]) as opened:
        yield opened


@pytest.mark.parametrize(("name", "index", "answer"), ALTERNATIVES, ids=[f"{row[0]}-{row[1]}" for row in ALTERNATIVES])
def test_a_correct_answer_passes_in_any_style(name: str, index: int, answer: Answer, sandbox: DockerSandbox) -> None:
    variant = HiddenCases(SELF_CHECK_SEED, sandbox).extend(vary(TASKS[name], index))
    verdict = score(variant, readings_of(answer(variant)), sandbox)
    assert [check for check in verdict.checks if not check.passed] == []
    assert verdict.outcome is Outcome.PASSED
