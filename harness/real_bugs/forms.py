"""The forms in which a model is asked to fix a bug: it gets the files, finds them with tools, or works as an agent.

FORMS, at the end of this file, has them all. Each bug is a task in every form, from one declaration; the cases, the
package's tests and the cheats that must fail are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from harness.files import to_json
from harness.real_bugs.bug_task import BugTask
from harness.real_bugs.instances import PROBES
from harness.repository_tasks import (
    LANGUAGE_NAMES,
    MIN_BUDGET_TOKENS,
    Changes,
    WrongEntry,
    cheating_answers,
    cheating_changes,
    diff_answer,
    files_and_format,
    quoted,
)
from harness.tasks import escape_braces, toml_value
from harness.trees import FinalTree, lines_of, make_patch
from harness.types import TWIN, Json, Outcome

SUITE, AGENT_SUITE = "real-bugs", "real-bugs-agent"
MAX_TURNS = 20
"""Of a tool loop: to search, to read a few files and to edit takes less than ten."""
_RULES = """\
Find what is at fault in the package's code and change it. Only changes of the files that are there now count. The
package's tests are not among them; they run when you have ended."""


@dataclass(frozen=True, slots=True)
class BugForm:
    """How a model is asked for a fix, and what of a task folder depends on it.

    A task's name is the bug's with `ending` before "-twin", its title that of the bug with `title`. `prompt` has
    placeholders of its own, the other texts are escaped when they are written.
    """

    ending: str
    title: str
    suite: str
    tags: tuple[str, ...]
    prompt: Callable[[BugTask], str]
    texts: Callable[[BugTask], dict[str, str]]
    scorer: Callable[[BugTask], list[str]]
    cheats: Callable[[BugTask], list[WrongEntry]]

    def task_name(self, bug: str) -> str:
        """The name of a bug's task in this form."""
        stem = bug.removesuffix(TWIN)
        return f"{stem}{self.ending}{bug[len(stem) :]}"

    def budget_tokens(self, task: BugTask) -> int:
        """Output tokens for each turn: plenty for the release's own code as an answer."""
        answers = (text for place, text in self.texts(task).items() if place.startswith("solution/"))
        return max(MIN_BUDGET_TOKENS, *map(len, answers))


def _request(task: BugTask) -> str:
    instance = task.instance
    return (
        f"Fix a bug in the {LANGUAGE_NAMES[instance.language]} package {instance.package} {instance.version}. This is "
        f"the report:\n\n{quoted(task.bug.issue.strip())}\n\nEverything else must go on working as it does.\n\n"
    )


def _under(folder: str, files: Mapping[str, str]) -> dict[str, str]:
    return {f"{folder}/{path}": text for path, text in files.items()}


# --- the files that matter are given ----------------------------------------------------------------------------------


def _given_prompt(task: BugTask) -> str:
    return _request(task) + files_and_format(task.states.before, task.bug.files, task.instance.language)


def _given_texts(task: BugTask) -> dict[str, str]:
    states = task.states
    return {"solution/answer.md": diff_answer(states.before, states.after), **_under("files", states.before)}


def _given_scorer(task: BugTask) -> list[str]:
    return ['kind = "repository"', f"given = {toml_value(task.bug.files)}"]


def _given_cheats(task: BugTask) -> list[WrongEntry]:
    return cheating_answers(task.instance.ecosystem, task.states.before, task.bug.files, task.instance.tests)


# --- the model finds them ---------------------------------------------------------------------------------------------


def _found_texts(task: BugTask) -> dict[str, str]:
    return {**_under("files", task.shown), **_under("host", task.hidden)}


def _found_scorer(task: BugTask, kind: str) -> list[str]:
    return [f"kind = {toml_value(kind)}", 'driver = "repository"', f"editable = {toml_value(task.code)}"]


def _found_cheats(task: BugTask) -> dict[str, Changes]:
    """The cheats; and files of its own where the tests and the probe will be, in place of tests to delete."""
    instance = task.instance
    forged = dict.fromkeys((*instance.tests, PROBES[instance.registry]), "")
    cheats = cheating_changes(instance.ecosystem, task.shown, task.bug.files, ())
    return {**cheats, "forged-tests": forged}


def _tools_prompt(task: BugTask) -> str:
    files = "".join(f"- {path}\n" for path in task.shown)
    return (
        f"{_request(task)}{_RULES}\n\nThese are the files:\n\n{escape_braces(files)}\n"
        "You look at them and change them with the tools that you are given. When the bug is fixed, answer with one "
        "sentence and call no tool.\n"
    )


def _tools_texts(task: BugTask) -> dict[str, str]:
    reads = [{"name": "read_file", "arguments": {"path": path}} for path in task.bug.files]
    edits = list(_edit_calls(task.states.before, task.states.after))
    return {
        **_found_texts(task),
        "solution/1.md": _calling(reads),
        "solution/2.md": _calling(edits),
        "solution/3.md": "The bug is fixed.\n",
    }


def _calling(calls: Sequence[Json]) -> str:
    return f"```tool_calls\n{to_json(list(calls))}\n```\n"


def _edit_call(path: str, old: str, new: str) -> Json:
    return {"name": "edit_file", "arguments": {"path": path, "old": old, "new": new}}


def _edit_calls(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Json]:
    """Calls that make one tree of another, each with the fewest whole lines that occur only once in the file."""
    for path, text in after.items():
        if before.get(path) == text:
            continue
        old, new = lines_of(before[path]), lines_of(text)
        blocks = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
        # From the end on, so that the lines before an edit are where they were.
        for start, end, first, last in [block[1:] for block in reversed(blocks) if block[0] != "equal"]:
            low, high = start, end
            while not _occurs_once("".join(old[low:high]), "".join(old)) and (low, high) != (0, len(old)):
                low, high = max(0, low - 1), min(len(old), high + 1)
            edited = [*old[low:start], *new[first:last], *old[end:high]]
            yield _edit_call(path, "".join(old[low:high]), "".join(edited))
            old[start:end] = new[first:last]


def _occurs_once(part: str, text: str) -> bool:
    """Whether a part of a text is nowhere else, not even overlapping itself; an empty one is everywhere."""
    return text.find(part) == text.rfind(part)


def _tools_scorer(task: BugTask) -> list[str]:
    # A call that is not valid costs a turn, and no more: what counts is the fix.
    return [*_found_scorer(task, "tools"), f"max_turns = {MAX_TURNS}", f"max_invalid_calls = {MAX_TURNS * 100}"]


def _tools_cheats(task: BugTask) -> list[WrongEntry]:
    shown = task.shown
    return [
        WrongEntry("no-answer", "I cannot make this change.\n", "*", Outcome.NO_ANSWER),
        WrongEntry("only-reads", _tools_texts(task)["solution/1.md"], "*"),
        *(
            WrongEntry(
                name, _calling([_edit_call(path, shown.get(path, ""), text or "") for path, text in of.items()]), "*"
            )
            for name, of in _found_cheats(task).items()
        ),
    ]


def _agent_prompt(task: BugTask) -> str:
    return f"{_request(task)}{_RULES}\n\nThe package is in the folder that you are in.\n"


def _agent_texts(task: BugTask) -> dict[str, str]:
    after = {path: task.states.after[path] for path in task.shown}
    return {**_found_texts(task), "solution/tree.patch": make_patch(task.shown, FinalTree(after))}


def _agent_cheats(task: BugTask) -> list[WrongEntry]:
    changes = {"empty-patch": {}, "deleted-code": dict.fromkeys(task.bug.files), **_found_cheats(task)}
    return [WrongEntry(name, _patch(task, of), "*", ending=".patch") for name, of in changes.items()]


def _patch(task: BugTask, changes: Changes) -> str:
    files = {**task.shown, **changes}
    return make_patch(task.shown, FinalTree({path: text for path, text in files.items() if text is not None}))


FORMS: tuple[BugForm, ...] = (
    BugForm("", "", SUITE, ("code",), _given_prompt, _given_texts, _given_scorer, _given_cheats),
    BugForm(
        "-tools",
        ", with tools",
        AGENT_SUITE,
        ("code", "tools"),
        _tools_prompt,
        _tools_texts,
        _tools_scorer,
        _tools_cheats,
    ),
    BugForm(
        "-agent",
        ", by an agent",
        AGENT_SUITE,
        ("agent",),
        _agent_prompt,
        _agent_texts,
        lambda task: _found_scorer(task, "agent"),
        _agent_cheats,
    ),
)
