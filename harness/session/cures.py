"""What is known to help where a prefix cache breaks: `load_cures` reads cures.toml, `find_cures` chooses for a verdict.

A new cure is a table in that file, with its conditions and the pages that say so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from harness.errors import ConfigError
from harness.files import build
from harness.schema import parse_toml
from harness.session.diagnosis import CacheVerdict

CURES = Path(__file__).with_name("cures.toml")
MAX_CURES = 2


@dataclass(frozen=True, slots=True)
class Cure:
    """One cure: `when` are the changes and reasons that it is for, the other conditions are patterns.

    `text` is searched in the words that changed, `around` also in those before and after.
    """

    when: tuple[str, ...]
    cure: str
    sources: tuple[str, ...]
    path: str | None = None
    text: str | None = None
    around: str | None = None
    agent: str | None = None

    def fits(self, verdict: CacheVerdict) -> bool:
        """Whether all conditions hold."""
        reason = verdict.reason
        difference = verdict.difference if reason is None else None
        kind = difference.change if difference else reason.kind if reason else ""
        place = difference.path if difference else ""
        around = f"{difference.old}\n{difference.new}" if difference else ""
        changed = around if difference is None or difference.changed is None else difference.changed
        conditions = (
            (self.path, place),
            (self.text, changed),
            (self.around, around),
            (self.agent, verdict.request.agent),
        )
        return kind in self.when and all(pattern is None or re.search(pattern, text) for pattern, text in conditions)


@cache
def load_cures() -> tuple[Cure, ...]:
    """The cures that ship with the kit. Raises ConfigError."""
    document = parse_toml("cures", CURES.read_text(encoding="utf-8"), str(CURES))
    if document.problems:
        raise ConfigError(*document.problems)
    return tuple(build(Cure, cure) for cure in document.values["cures"])


def find_cures(verdict: CacheVerdict) -> tuple[Cure, ...]:
    """The first cures for a loss."""
    return tuple(cure for cure in load_cures() if cure.fits(verdict))[:MAX_CURES]
