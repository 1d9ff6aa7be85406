"""The parts of the page in their order, and the report sections whose tables each of them holds.

A section that no part names belongs to the last part, so that a new section needs no change here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.report.elements import Section


@dataclass(frozen=True, slots=True)
class PagePart:
    """One part: its heading, the sentence below it, the keys of its sections, and which of these begin unfolded."""

    key: str
    title: str
    lead: str
    sections: tuple[str, ...]
    unfolded: tuple[str, ...] = ()


PARTS: tuple[PagePart, ...] = (
    PagePart("answer", "The answer", "", ("glance", "standing", "lanes"), ("glance", "standing")),
    PagePart("quality", "Quality against time", "What a right answer costs in waiting.", ("trade-offs",)),
    PagePart(
        "differences",
        "Who is better than whom",
        "Two models' own intervals may overlap although they differ; this compares them trial by trial.",
        ("pairs",),
    ),
    PagePart(
        "tasks",
        "Tasks and answers",
        "Trials passed of trials run. Open a cell for its answers, the case that failed, the reasoning and the stream.",
        ("correctness", "agent_work", "scorer_metrics", "declines", "needles", "conversations"),
    ),
    PagePart(
        "speed",
        "Speed",
        "What you wait for: the first token, then every other.",
        ("first_token", "prefill", "generation"),
    ),
    PagePart(
        "failures",
        "Failures and stability",
        "How answers fail, how often they would fail again, and whether the machine kept its speed.",
        ("outcomes", "stability"),
    ),
    PagePart(
        "details", "Machine, settings, limits", "What was measured, on what, and how to repeat it.", (), ("warnings",)
    ),
)


def sections_by_part(sections: Sequence[Section]) -> dict[str, list[Section]]:
    """The sections of each part by its key, in the order in which the part names them."""
    by_key = {section.key: section for section in sections}
    named = {part.key: [by_key.pop(key) for key in part.sections if key in by_key] for part in PARTS}
    named[PARTS[-1].key] += by_key.values()
    return named
