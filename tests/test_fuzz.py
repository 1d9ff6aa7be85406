"""A short run of the fuzzer, the same on every machine, and every case that once failed."""

import json
from pathlib import Path

import pytest

from harness.types import Json
from tests.deep import part_and_whole
from tests.fuzz import check, corpus, run, write_case

SOUND: Json = {"edits": [], "derive": False, "bytes": [], "zip": None}


@pytest.mark.parametrize("case", corpus(), ids=lambda case: json.dumps(case)[:60])
def test_a_case_of_the_corpus_stays_harmless(case: Json) -> None:
    check(case)


@pytest.mark.parametrize("examples", part_and_whole(10, 60))
def test_random_cases_are_harmless(examples: int) -> None:
    run(examples, 0)


def test_a_case_without_edits_is_a_sound_run_and_one_with_edits_is_not(tmp_path: Path) -> None:
    edit = {"document": "result", "path": [0], "action": "delete", "value": 0}
    texts = []
    for number, edits in enumerate(([], [edit])):
        folder = tmp_path / str(number)
        folder.mkdir()
        texts.append((write_case(folder, {**SOUND, "edits": edits}) / "result.json").read_text(encoding="utf-8"))
    assert json.loads(texts[0]).keys() > json.loads(texts[1]).keys()
