"""Results of tasks that were mended since: a note for earlier runs, a warning for later ones."""

import json
import zipfile
from pathlib import Path

import pytest

from harness.bundle.source import RESULT
from harness.cli.verification import render_verdict
from harness.files import ROOT, to_json
from harness.types import Finding
from harness.verify import VerifyOptions, verify
from tests.samples import kit_tasks

BUNDLE = next(path for path in (ROOT / "results").glob("*.zip") if "065743" in path.name)


def _findings(started_at: str, folder: Path) -> list[Finding]:
    """What the check says of the published result, as if it had begun at another time."""
    with zipfile.ZipFile(BUNDLE) as archive:
        document = json.loads(archive.read(RESULT))
    document["run"]["started_at"] = started_at
    (folder / RESULT).write_text(to_json(document), encoding="utf-8")
    found = verify(folder / RESULT, VerifyOptions("consistent", tasks=kit_tasks())).levels[2].findings
    return [finding for finding in found if finding.check == "tasks"]


def test_a_known_task_that_was_mended_needs_no_other_folder() -> None:
    shown = render_verdict(verify(BUNDLE, VerifyOptions("consistent", tasks=kit_tasks())))
    assert "mended since" in shown
    assert "--tasks" not in shown


@pytest.mark.parametrize(
    ("started_at", "expected"),
    [
        ("2026-11-27T06:57:43+00:00", [("info", 3)]),
        ("2026-11-28T01:00:00+00:00", [("warning", 1), ("info", 2)]),
        ("2026-11-29T00:00:00+00:00", [("warning", 3)]),
    ],
)
def test_tasks_that_were_mended_are_named(started_at: str, expected: list[tuple[str, int]], tmp_path: Path) -> None:
    found = _findings(started_at, tmp_path)
    assert [(each.severity, len(each.message.rpartition(": ")[2].split(", "))) for each in found] == expected
    assert "code-bugfix-easy" in found[0].message
