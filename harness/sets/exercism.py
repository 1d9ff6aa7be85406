"""Tracks of Exercism: a checkout that the user brings, of which each practice exercise is a row.

`read_track` reads the exercises, `exercism_problem` makes a problem of one. Its tests become cases where they only call
functions with literals (unit_tests.py); exercises whose tests build objects are left out. The example of the track is
the reference.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from harness.errors import LanebenchError
from harness.files import from_json, open_regular, to_json
from harness.sets.problem import SetProblem, UnusableError, language_title
from harness.sets.unit_tests import UnitCase, javascript_cases, python_cases
from harness.types import Json

MAX_FILE_BYTES = 1 << 20
_EXERCISES = Path("exercises") / "practice"
_PARTS = ("solution", "example", "test")
_DOCS = (".docs/introduction.md", ".docs/instructions.md", ".docs/instructions.append.md")
_READERS: Mapping[str, Callable[[str], list[UnitCase]]] = {"python": python_cases, "javascript": javascript_cases}


def read_track(folder: Path) -> list[Json]:
    """A row for each practice exercise of a checkout, by its slug; what cannot be read of one is its `problem`."""
    return [_read_exercise(path) for path in sorted((folder / _EXERCISES).glob("*/")) if path.is_dir()]


def _read_exercise(folder: Path) -> Json:
    try:
        files = from_json(_text(folder, ".meta/config.json"))["files"]
        several = [part for part in _PARTS if len(files[part]) != 1]
        if several:
            return {"slug": folder.name, "problem": f"it has no file or several for {', '.join(several)}"}
        texts = {part: _text(folder, files[part][0]) for part in _PARTS}
        docs = [_text(folder, name) for name in _DOCS if (folder / name).exists()]
    except (OSError, LanebenchError, ValueError, KeyError, TypeError) as error:
        return {"slug": folder.name, "problem": f"it cannot be read: {error!r}"[:200]}
    return {"slug": folder.name, "file": str(files["solution"][0]), "instructions": "\n".join(docs), **texts}


def _text(folder: Path, name: str) -> str:
    """A text of an exercise. Raises ValueError for a path that leads out of its folder, or a file that is too long."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"{name} is outside of the exercise")
    with open_regular(path) as file:
        data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise ValueError(f"{name} is over {MAX_FILE_BYTES >> 20} MiB")
    return data.decode("utf-8").replace("\r\n", "\n")


def exercism_problem(row: Json, language: str) -> SetProblem:
    """A row of `read_track`. Raises UnusableError."""
    if "problem" in row:
        raise UnusableError(row["problem"])
    cases = _READERS[language](row["test"])
    names = list(dict.fromkeys(case.call for case in cases))
    constants = {name: _usual(cases, name) for name in names}
    return SetProblem(
        id=row["slug"],
        title=row["slug"],
        language=language,
        prompt=_prompt(row, language),
        settings={"kind": "calls", "names": names, "equality": "equal"},
        cases=[case.as_case(at) for at, case in enumerate(cases, 1)],
        reference=row["example"],
        constant=_constant(language, constants),
        constant_fails=[
            case.as_case(at)["id"]
            for at, case in enumerate(cases, 1)
            if "value" not in case.expect or to_json(case.expect["value"]) != constants[case.call]
        ],
        mutant=_constant(language, dict.fromkeys(names, "null")),
    )


def _prompt(row: Json, language: str) -> str:
    how = f"Answer with the whole file `{row['file']}` in one code block, and with nothing else."
    return (
        f"Solve this exercise in {language_title(language)}. {how}\n\n{row['instructions'].strip()}\n\n"
        f"The file as it is now:\n\n```{language}\n{row['solution'].strip()}\n```\n"
    )


def _usual(cases: Sequence[UnitCase], name: str) -> str:
    """The most frequent plain result of a function, as JSON."""
    results = [to_json(case.expect["value"]) for case in cases if case.call == name and "value" in case.expect]
    plain = [result for result in results if '"$"' not in result]
    return Counter(plain).most_common(1)[0][0] if plain else "null"


def _constant(language: str, results: Mapping[str, str]) -> str:
    """Functions that always give the same result, a JSON text."""
    if language == "python":
        return "\n\n\n".join(
            f"def {name}(*args, **kwargs):\n    return {from_json(result)!r}" for name, result in results.items()
        )
    return "\n".join(f"export const {name} = (...given) => ({result});" for name, result in results.items())
