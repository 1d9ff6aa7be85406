"""The corpus in tests/attacks/: no hostile answer passes, and every honest one does.

Each answer is scored as a model's is: its code is extracted from a fence, run in the sandbox, compared on the host.
"""

import tomllib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.languages import LANGUAGES
from harness.sandbox import DockerSandbox, open_sandbox
from harness.score import score
from harness.types import Case, Counts, Json, Limits, Outcome, Reading, Score, Task, Timings, Variant
from tests.deep import deep_but, selected

pytestmark = pytest.mark.engine


ATTACKS = Path(__file__).parent / "attacks"
CORPUS: dict[str, Json] = tomllib.loads((ATTACKS / "corpus.toml").read_text(encoding="utf-8"))
LANGUAGE_OF = {language.extensions[0]: name for name, language in LANGUAGES.items()}
MIN_HOSTILE, MIN_HONEST = 8, 3


def is_honest(path: str) -> bool:
    return Path(path).name.startswith("honest_")


KEPT = [
    path
    for name in LANGUAGES
    for kind in (False, True)
    for path in [path for path in CORPUS if LANGUAGE_OF[Path(path).suffix] == name and is_honest(path) == kind][::4]
]
"""Of each language a quarter of the hostile answers and of the honest ones; the others are run by the deep session."""
INPUTS: tuple[list[int], ...] = ([3, 1, 2], [], [5, -1, 5, 0])
HONEST = Limits(load_timeout_s=60.0, case_timeout_s=30.0)
HOSTILE = Limits(load_timeout_s=15.0, case_timeout_s=4.0)


def create_table(numbers: list[int]) -> str:
    return "CREATE TABLE items (n INTEGER);" + "".join(f"INSERT INTO items VALUES ({number});" for number in numbers)


def case_of(language: str, numbers: list[int], *, after: bool) -> tuple[Json, Json]:
    """What one case gives and the value that is right; `after` asks of SQL to make each number its negative."""
    ordered = sorted(numbers)
    if language == "bash":
        return {"call": "order", "args": list(numbers)}, " ".join(map(str, ordered))
    if language != "sql":
        return {"call": "order", "args": [list(numbers)]}, ordered
    if after:
        look = {"call": "after", "args": [create_table(numbers), "SELECT n FROM items ORDER BY n"]}
        return look, [[-number] for number in reversed(ordered)]
    return {"call": "rows", "args": [create_table(numbers)]}, [[number] for number in ordered]


def cases_of(language: str, *, after: bool, keeps: bool) -> tuple[Case, ...]:
    """The cases; `keeps` asks that the arguments are after the call as they were."""
    made = []
    for at, numbers in enumerate(INPUTS):
        give, value = case_of(language, numbers, after=after)
        if keeps:
            made.append(Case(f"c{at}", {**give, "report_args": True}, {"value": value, "args_after": give["args"]}))
        else:
            made.append(Case(f"c{at}", give, {"value": value}))
    return tuple(made)


def variant_of(path: str) -> Variant:
    language = LANGUAGE_OF[Path(path).suffix]
    after, keeps = (bool(CORPUS.get(path, {}).get(key)) for key in ("after", "keeps"))
    limits = HONEST if is_honest(path) else HOSTILE
    task = Task(
        name="order", title="", suites=(), tags=(), language=language, budget_tokens=1, limits=limits, scorer="calls",
        settings={}, system="", turns=("",), files={}, cases_json="", solution=(), wrong_answers=(), variants=(),
        sha256="",
    )  # fmt: skip
    return Variant(task, 0, "", ("",), {}, cases_of(language, after=after, keeps=keeps), (), ())


def reading_of(code: str, language: str) -> Reading:
    content = f"```{language}\n{code}\n```\n"
    return Reading(content, "", (), "stop", True, None, None, Counts(), Timings())


def scored(box: DockerSandbox, path: str) -> Score:
    code = (ATTACKS / path).read_text(encoding="utf-8")
    return score(variant_of(path), [reading_of(code, LANGUAGE_OF[Path(path).suffix])], box)


@pytest.fixture(scope="module")
def verdicts(request: pytest.FixtureRequest) -> Iterator[dict[str, Future[Score]]]:
    with (
        open_sandbox("attacks", print, LANGUAGES) as box,
        ThreadPoolExecutor(3) as threads,
    ):
        yield {path: threads.submit(scored, box, path) for path in selected(request, "path")}


@pytest.mark.parametrize("path", deep_but(KEPT, [path for path in CORPUS if not is_honest(path)]))
def test_a_hostile_answer_does_not_pass(verdicts: dict[str, Future[Score]], path: str) -> None:
    seen = verdicts[path].result()
    assert seen.outcome in CORPUS[path]["outcome"], (CORPUS[path]["what"], seen.outcome, seen.checks)
    assert seen.outcome is not Outcome.PASSED


@pytest.mark.parametrize("path", deep_but(KEPT, [path for path in CORPUS if is_honest(path)]))
def test_a_similar_honest_answer_passes(verdicts: dict[str, Future[Score]], path: str) -> None:
    seen = verdicts[path].result()
    assert seen.outcome is Outcome.PASSED, (CORPUS[path]["what"], seen.outcome, seen.checks)


def test_every_corpus_file_is_listed_and_each_language_has_enough() -> None:
    there = {str(path.relative_to(ATTACKS)) for path in ATTACKS.rglob("*") if path.suffix in LANGUAGE_OF}
    listed = set(CORPUS)
    assert {path for path in there if not path.startswith(("harm/", "agents/"))} == listed
    hostile = [path for path in CORPUS if not is_honest(path)]
    for suffix in LANGUAGE_OF:
        assert len([path for path in hostile if path.endswith(suffix)]) >= MIN_HOSTILE
        assert len([path for path in CORPUS if is_honest(path) and path.endswith(suffix)]) >= MIN_HONEST
    assert all(CORPUS[path]["outcome"] != ["passed"] for path in hostile)
    agents = tomllib.loads((ATTACKS / "agents.toml").read_text(encoding="utf-8"))
    assert {f"agents/{name}.py" for name in agents} == {path for path in there if path.startswith("agents/")}
    assert not [name for name, entry in agents.items() if is_honest(name) is ("outcome" in entry)]


def test_no_corpus_file_has_a_name_that_a_test_runner_loads() -> None:
    names = {path.name for path in ATTACKS.rglob("*") if path.is_file()}
    assert not names & {"conftest.py", "pytest.ini", "tox.ini", "setup.cfg", "pyproject.toml", "noxfile.py"}
    assert not [name for name in names if name.endswith(".py") and name.startswith("test_")]
    assert not [name for name in names if name.endswith("_test.py")]
