"""Parts of a task folder that programs write: escaped braces, fences, TOML values, and how edits are asked for.

`write_folder` writes one. Double braces, which mark placeholders in a task, come from its only variant there:
`escape_braces` puts that in. `edit_form` is the part of a prompt that says how an answer changes files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.files import to_json, write_atomic
from harness.tasks.manifest import TASK_FILE
from harness.types import Json

_BRACES = "{{variant.OPEN}}"
_BRACES_VARIANT = '\n[[variants]]\nOPEN = "{{"\n'
_EDIT_FORM = """\
Answer with search and replace blocks in exactly this form, one after the other, without repeating the files. The old
lines are copied from a file as they are, and each set of old lines must stand in the file only once. {allowed}

{path}
<<<<<<< SEARCH
old lines
=======
new lines
>>>>>>> REPLACE
"""


def write_folder(folder: Path, texts: Mapping[str, str], manifest: str) -> None:
    """Write the texts, with their braces escaped, and task.toml; prompt.md has placeholders of its own.

    Raises DiskError.
    """
    escaped = {place: text if place == "prompt.md" else escape_braces(text) for place, text in texts.items()}
    uses_braces = any(_BRACES in text for text in escaped.values())
    for place, text in {**escaped, TASK_FILE: manifest + (_BRACES_VARIANT if uses_braces else "")}.items():
        write_atomic(folder / place, text)


def escape_braces(text: str) -> str:
    """The text with a placeholder for each pair of opening braces."""
    return text.replace("{{", _BRACES)


def fence_of(texts: Sequence[str]) -> str:
    """A fence that is longer than any in these texts."""
    longest = max((len(found) for text in texts for found in re.findall(r"`{3,}", text)), default=2)
    return "`" * max(3, longest + 1)


def toml_value(value: Json) -> str:
    """A string or a list of strings: what JSON writes of them is TOML, too."""
    return to_json(list(value) if isinstance(value, tuple) else value)


def edit_form(path: str, allowed: str) -> str:
    """How an answer is to write its edits; `path` is one of the files, `allowed` the sentences on what it may edit."""
    return _EDIT_FORM.format(path=path, allowed=allowed)
