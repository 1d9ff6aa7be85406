"""The programming languages of answers: one `Language` record each, from which everything else derives.

`LANGUAGES` maps a language's name to its record; `shadows` says which new files would be imported in place of others,
`module_bindings` which names the statements of a Python module bind. A new language is one record in `records.py`, its
driver in harness/sandbox/drivers/ and, unless an existing one serves, a stage of Dockerfile.scorer.
"""

from harness.languages.language import DRIVERS, Language, Runtime, Syntax
from harness.languages.packages import NPM_PACKAGE, PYTHON_PACKAGE, names_package
from harness.languages.python_code import module_bindings
from harness.languages.records import LANGUAGES, shadows

__all__ = [
    "DRIVERS",
    "LANGUAGES",
    "NPM_PACKAGE",
    "PYTHON_PACKAGE",
    "Language",
    "Runtime",
    "Syntax",
    "module_bindings",
    "names_package",
    "shadows",
]
