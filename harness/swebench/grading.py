"""Grades predictions with the package `swebench`, in a process of its own, on images that are here or that it builds.

`Grader.check` finds out before a model is asked which instances can be graded here: whose image runs, and whose
official solution passes. `Grader.grade` gives the verdicts on predictions. The containers are those of swebench: root,
with a network; what it logs stays in the folder that it works in.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from pathlib import Path

from harness.errors import EngineError, UncheckedError
from harness.files import read_json, sha256_of, to_json, write_atomic
from harness.sandbox import Engine, has_docker_cli, image_problem
from harness.swebench.predictions import PredictionSet
from harness.types import ExcludedInstance, Json, Log

PACKAGE, MAJOR = "swebench", "5"
_PROGRAM = "from swebench.cli.cli import main; main()"
_COLUMNS = ("image", "eval_script", "log_parser", "eval_type")
_DATASET, _REPORTS, _OUTPUT = "instances.jsonl", "reports", "output.txt"
_LOGS = Path("logs/run_evaluation")
"""Where swebench leaves the log and the report of each instance, in the folder that it works in."""
_PATCH_FAILED = ">>>>> Patch Apply Failed"
_GOLD = "gold"
_BUILDX = "install the plugin docker-buildx"
_TAIL_LINES = 6


class GradeEnd(StrEnum):
    """What a prediction came to."""

    RESOLVED = "resolved"
    UNRESOLVED = "not resolved"
    NO_PATCH = "no patch"
    UNFIT_PATCH = "the patch does not apply"
    NOT_RUN = "could not be run"


@dataclass(frozen=True, slots=True)
class Grade:
    """The verdict of swebench on one prediction; `reason` is what it says of a fault of the environment, or ""."""

    instance_id: str
    end: GradeEnd
    reason: str = ""


def swebench_version() -> str:
    """The version of the package. Raises UncheckedError where it is missing or of another major version."""
    fix = f"pip install '{PACKAGE}>={MAJOR},<{int(MAJOR) + 1}'"
    try:
        version = importlib.metadata.version(PACKAGE)
    except importlib.metadata.PackageNotFoundError as error:
        raise UncheckedError(f"grading needs the package {PACKAGE}, which is not installed", fix=fix) from error
    if version.split(".")[0] != MAJOR:
        raise UncheckedError(f"grading needs {PACKAGE} {MAJOR}, this is {version}", fix=fix)
    if not has_docker_cli():
        raise UncheckedError(f"{PACKAGE} calls the command `docker`, which is not here", fix="install Docker's CLI")
    return version


@dataclass(frozen=True, slots=True)
class Grader:
    """Calls swebench on an engine; `task_repository` is a folder or address with the Dockerfiles of instances."""

    engine: Engine
    task_repository: str | None
    log: Log

    def check(self, rows: Sequence[Json], folder: Path) -> tuple[ExcludedInstance, ...]:
        """The instances that cannot be graded here. Raises EngineError where swebench itself fails."""
        excluded = {row["instance_id"]: why for row in rows if (why := _missing_columns(row)) is not None}
        complete = [row for row in rows if row["instance_id"] not in excluded]
        if self.task_repository is not None:
            self._build(complete, self.task_repository, folder)
        for row in complete:
            why = image_problem(self.engine, row["image"], self.log)
            excluded |= {row["instance_id"]: why} if why is not None else {}
        runnable = [row for row in complete if row["instance_id"] not in excluded]
        if runnable:
            self.log(f"Checking the official solution of {len(runnable)} instances here.")
            name = f"{_GOLD}-{sha256_of(to_json(runnable))[:12]}"
            grades = self._evaluate(runnable, folder, ["--gold"], name, _GOLD)
            excluded |= {
                grade.instance_id: _gold_failure(grade) for grade in grades if grade.end is not GradeEnd.RESOLVED
            }
        return tuple(ExcludedInstance(instance_id, why) for instance_id, why in excluded.items())

    def grade(self, rows: Sequence[Json], predictions: PredictionSet) -> tuple[Grade, ...]:
        """The verdicts on the predictions of one model in one trial. Raises EngineError where swebench fails."""
        asked = [row for row in rows if row["instance_id"] in predictions.patches]
        if not predictions.answered:
            return tuple(Grade(row["instance_id"], GradeEnd.NO_PATCH) for row in asked)
        words = ["--predictions", predictions.file.name]
        grades = self._evaluate(asked, predictions.file.parent, words, predictions.name, predictions.model)
        return tuple(
            grade if predictions.patches[grade.instance_id] else Grade(grade.instance_id, GradeEnd.NO_PATCH)
            for grade in grades
        )

    def _evaluate(
        self, rows: Sequence[Json], folder: Path, words: Iterable[str], name: str, model: str
    ) -> tuple[Grade, ...]:
        """The verdicts of one evaluation, out of the report that swebench writes of each instance.

        Its report of all comes last, and it fails where another program removes an image meanwhile.
        """
        dataset = f"{name}.{_DATASET}"
        # swebench splits lines at every character that ends one in Unicode: JSON in ASCII has but newlines.
        write_atomic(folder / dataset, "".join(f"{json.dumps(row)}\n" for row in rows))
        jobs = str(max(1, self.engine.cpus // 2))
        logs = folder / _LOGS / name / model
        try:
            self._call(["eval", dataset, *words, "--run-id", name, "-j", jobs, "--report-dir", _REPORTS], folder)
        except EngineError:
            if not logs.is_dir():
                raise
        return tuple(_grade_of(row["instance_id"], logs / row["instance_id"]) for row in rows)

    def _build(self, rows: Sequence[Json], repository: str, folder: Path) -> None:
        """Build the images that are missing. What cannot be built shows when the image is looked for."""
        if subprocess.run(["docker", "buildx", "version"], capture_output=True, check=False).returncode != 0:
            raise UncheckedError(f"{PACKAGE} builds images with `docker buildx`, which is not here", fix=_BUILDX)
        place = str(Path(repository).resolve()) if Path(repository).is_dir() else repository
        for (namespace, tag), group in groupby(sorted(rows, key=_image_parts), _image_parts):
            words = ["images", "build", place, "--tag", tag, *(["--namespace", namespace] if namespace else [])]
            for row in group:
                words += ["--instance", row["instance_id"]]
            self.log(f"Building images from {repository}.")
            self._call(words, folder)

    def _call(self, words: Sequence[str], folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        environment = {"DOCKER_HOST": self.engine.url, **os.environ, "HF_HUB_OFFLINE": "1", "PYTHONIOENCODING": "utf-8"}
        with (folder / _OUTPUT).open("ab") as output:
            done = subprocess.run(
                [sys.executable, "-c", _PROGRAM, *words],
                cwd=folder, env=environment, stdout=output, stderr=output, stdin=subprocess.DEVNULL, check=False,
            )  # fmt: skip
        if done.returncode != 0:
            lines = (folder / _OUTPUT).read_text(encoding="utf-8", errors="replace").strip().splitlines()
            raise EngineError(f"{PACKAGE} failed: {' / '.join(lines[-_TAIL_LINES:])}", fix=f"see {folder / _OUTPUT}")


def _missing_columns(row: Json) -> str | None:
    missing = [name for name in _COLUMNS if not isinstance(row.get(name), str) or not row[name]]
    if not missing:
        return None
    return f"its row has no {', '.join(missing)}, by which {PACKAGE} {MAJOR} grades"


def _image_parts(row: Json) -> tuple[str, str]:
    """The namespace and the tag of an instance's image, as `swebench images build` is told them."""
    head, _, last = row["image"].rpartition("/")
    return head, last.partition(":")[2] or "latest"


def _grade_of(instance_id: str, logs: Path) -> Grade:
    """The verdict that an instance's report holds; without one the log says whether the patch applied."""
    report, log = logs / "report.json", logs / "run_instance.log"
    if not report.is_file():
        text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
        return Grade(instance_id, GradeEnd.UNFIT_PATCH if _PATCH_FAILED in text else GradeEnd.NOT_RUN, f"see {log}")
    found = read_json(report)[instance_id]
    end = GradeEnd.RESOLVED if found["resolved"] else GradeEnd.UNRESOLVED
    return Grade(instance_id, end, str(found.get("infra_failure_reason") or ""))


def _gold_failure(grade: Grade) -> str:
    reason = f" ({grade.reason})" if grade.reason else ""
    return f"its official solution does not pass on this machine: {grade.end}{reason}"
