"""What a kind demands of a task's settings and cases: every fault noted with its place and its fix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from harness.languages import LANGUAGES
from harness.types import Case, Json, Task

_WORDS = {
    str: "a text",
    list: "a list",
    dict: "an object",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
}
OF_CONVERSE = ("separate", "clients")
"""Settings that say how a trial is asked: read by harness/run/conversation.py, not here."""


@dataclass(frozen=True, slots=True)
class Demands:
    """Notes faults of one task in `found`; `place` is where in the task, `joint` what stands before a key."""

    task: Task
    place: str = "task.toml: scorer"
    joint: str = "."
    found: list[str] = field(default_factory=list)

    def fault(self, at: str, what: str) -> None:
        """Note a fault at a key of the place."""
        self.found.append(f"{self.place}{self.joint + at if at else ''}: {what}")

    def case(self, case: Case) -> Demands:
        """The same demands at one case."""
        return replace(self, place=f"cases.json: {case.id}", joint=": ")

    def settings(self, known: Sequence[str]) -> None:
        """No other settings than these and those of `converse`."""
        self.only(self.task.settings, (*known, *OF_CONVERSE))

    def only(self, document: Mapping[str, Json], known: Sequence[str], at: str = "") -> None:
        """Every key that is not known is a fault."""
        for key in sorted(set(document) - set(known)):
            near = get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(sorted(known))}"
            self.fault(f"{at}.{key}" if at else key, f"unknown key; {hint}")

    def of_type(
        self, document: Mapping[str, Json], key: str, kind: type, at: str = "", *, needed: bool = False
    ) -> bool:
        """Whether a key's value is of a type; a fault when it is not, or is missing though needed."""
        where = f"{at}.{key}" if at else key
        if key not in document:
            if needed:
                self.fault(where, f"missing; give {_WORDS[kind]}")
            return False
        value = document[key]
        fits = isinstance(value, int | float) if kind is float else isinstance(value, kind)
        if not fits or (isinstance(value, bool) and kind is not bool):
            self.fault(where, f"must be {_WORDS[kind]}, is {value!r}")
            return False
        return True

    def choice(self, document: Mapping[str, Json], key: str, known: Sequence[str], at: str = "") -> None:
        """The value of a key that may be left out is one of these texts."""
        if key in document and document[key] not in known:
            self.fault(f"{at}.{key}" if at else key, f"is {document[key]!r}; write one of {', '.join(known)}")

    def texts(self, document: Mapping[str, Json], key: str, at: str = "", *, needed: bool = False) -> None:
        """The value of a key is a list of texts."""
        if self.of_type(document, key, list, at, needed=needed) and not all(
            isinstance(one, str) and one for one in document[key]
        ):
            self.fault(f"{at}.{key}" if at else key, "must be a list of texts")

    def one_of(self, expect: Mapping[str, Json], known: Sequence[str]) -> None:
        """`expect` holds exactly one of these keys."""
        if len(expect) != 1 or next(iter(expect)) not in known:
            self.fault("expect", f"must hold one of {', '.join(known)}, and nothing else")

    def some(self, cases: Sequence[Case]) -> None:
        """There are cases."""
        if not cases:
            self.found.append("cases.json: holds no case; write at least one")

    def language(self) -> None:
        """The task names a language that can be run."""
        language = self.task.language
        if language is None or language not in LANGUAGES:
            known = ", ".join(LANGUAGES)
            self.found.append(f"task.toml: language: is {language!r}; this scorer runs code, write one of {known}")

    def code(self, known: Sequence[str]) -> None:
        """The settings that every kind with execution shares."""
        settings = self.task.settings
        self.settings(known)
        self.language()
        self.choice(settings, "equality", ("exact", "equal"))
        self.choice(settings, "blocks", ("one", "all"))
        self.of_type(settings, "entry", str)
        self.texts(settings, "names")
        self.files(settings)

    def files(self, settings: Mapping[str, Json]) -> None:
        """`files` is true, false or a list of names under files/."""
        chosen = settings.get("files", False)
        if isinstance(chosen, bool):
            return
        self.texts(settings, "files")
        for name in chosen if isinstance(chosen, list) else []:
            if name not in self.task.files:
                self.fault("files", f"files/{name} is not there; write it or take the name out")
