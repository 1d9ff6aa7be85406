"""How the registries of Python and npm name a package in one version: PYTHON_PACKAGE and NPM_PACKAGE.

A registry's client takes other words for options, addresses or paths, and may run what it finds there. So what the task
or the lock file of somebody else names must match these patterns before a client sees it: `names_package` tells.
"""

from __future__ import annotations

import re

PYTHON_PACKAGE = r"[A-Za-z0-9][A-Za-z0-9_.-]*==[A-Za-z0-9_.!+-]+"
"""NAME==VERSION."""
_NPM_NAME = r"(?:@[A-Za-z0-9_~][A-Za-z0-9_.~-]*/)?[A-Za-z0-9_~][A-Za-z0-9_.~-]*"
NPM_PACKAGE = rf"{_NPM_NAME}(?:/node_modules/{_NPM_NAME})*@(?:npm:{_NPM_NAME}@)?[0-9][A-Za-z0-9_.+-]*"
"""PLACE@VERSION, or of an alias PLACE@npm:NAME@VERSION; the place is a path below node_modules."""


def names_package(text: str, *, npm: bool) -> bool:
    """Whether a text names a package in one version, of npm or of Python's registry."""
    return re.fullmatch(NPM_PACKAGE if npm else PYTHON_PACKAGE, text) is not None
