"""Variants must differ in substance, and enough mutants of the solution must fail."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.tasks.strength import check_mutants, check_variants
from harness.types import Case, Outcome, Reading, Score, Task, TaskRequirement, Variant
from tests.samples import task_of

CODE = "```python\ndef {{variant.NAME}}(x):\n    return x + {{variant.STEP}}\n```"
REQUIREMENT = TaskRequirement("step", "adds", ("c0",))


def task(*steps: str, survivors: Mapping[str, str] | None = None) -> Task:
    variants = tuple({"NAME": f"f{at}", "STEP": step} for at, step in enumerate(steps))
    made = task_of("adds", scorer="calls")
    made = replace(made, variants=variants, solution=(CODE,), survivors=survivors or {})
    return replace(made, requirements=(REQUIREMENT,), renames=("NAME",))


def with_cases(variant: Variant) -> Variant:
    return replace(variant, cases=tuple(Case(f"c{at}", {}, {}) for at in range(20)))


def verdict(passed: bool) -> Score:
    return Score(Outcome.PASSED if passed else Outcome.FAILED, float(passed), ())


def right(variant: Variant, readings: Sequence[Reading]) -> Score:
    values = variant.task.variants[variant.index]
    return verdict(f"def {values['NAME']}(x):\n    return x + {values['STEP']}\n" in readings[-1].content)


def lenient(variant: Variant, readings: Sequence[Reading]) -> Score:
    return verdict("return x" in readings[-1].content)


def only_on_many(variant: Variant, readings: Sequence[Reading]) -> Score:
    """Finds the mistake on all the cases together alone."""
    return right(variant, readings) if len(variant.cases) == 20 else verdict(passed=True)


def test_variants_that_differ_in_what_is_asked_are_fine() -> None:
    assert check_variants([task("1", "2", "3")], right, with_cases) == []


def test_variants_that_only_rename_are_named() -> None:
    found = check_variants([task("1", "2", "1")], right, with_cases)
    assert [problem.message for problem in found] == [
        "adds: the solution of variant 0 passes variant 2",
        "adds: the solution of variant 2 passes variant 0",
    ]


def test_an_answer_that_passes_the_first_cases_meets_all_of_them() -> None:
    assert check_variants([task("1", "2")], only_on_many, with_cases) == []


def test_mutants_that_pass_are_listed_or_make_a_problem() -> None:
    strong = check_mutants(task("1"), right, with_cases)
    assert (strong.total, strong.survivors, strong.problem()) == (2, (), None)
    weak = check_mutants(task("1"), lenient, with_cases)
    assert set(weak.survivors) == {"line 2: + became -", "line 2: 1 became 2"}
    problem = weak.problem()
    assert problem is not None
    assert problem.message.startswith("adds: 2 of 2 mutants of the solution pass: line 2: ")
    explained = dict.fromkeys(weak.survivors, "equivalent")
    assert check_mutants(task("1", survivors=explained), lenient, with_cases).problem() is None
