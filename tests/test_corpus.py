"""The corpus of answers that were written without a look at the checks; `nox -s corpus` scores all of it."""

import pytest

from tests.corpus_check import RIGHT, WRONG, corpus_answers, corpus_tasks, misjudged, notes_of
from tests.samples import kit_tasks
from tests.scored import ScriptedSandbox

MIN_ANSWERS = 6
SAME_PROMPT = {"long-needle-28k", "long-needle-128k", "long-needle-256k"}
"""They ask what long-needle-short asks, of longer texts."""
SCORED = {task.name for task in kit_tasks().values() if task.scorer != "speed"} - SAME_PROMPT
WITHOUT_CODE = sorted(name for name in SCORED if kit_tasks()[name].language is None)


def test_every_scored_task_has_a_corpus() -> None:
    assert set(corpus_tasks()) == SCORED


@pytest.mark.parametrize("task", corpus_tasks())
def test_a_corpus_has_enough_answers_of_both_sides_and_says_what_each_is_about(task: str) -> None:
    for side in (RIGHT, WRONG):
        names = {answer.name for answer in corpus_answers(task) if answer.side == side}
        assert len(names) >= MIN_ANSWERS
        assert names == set(notes_of(task)[side])
        assert all(notes_of(task)[side].values())


@pytest.mark.parametrize("task", WITHOUT_CODE)
def test_no_wrong_answer_in_prose_passes_and_every_right_one_does(task: str) -> None:
    found = [(answer.side, answer.name) for answer, _ in misjudged(task, ScriptedSandbox(), ["0"])]
    assert found == []
