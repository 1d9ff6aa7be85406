"""Whether a pull request with any forged result of tests/reject/ is refused: `python -m tests.submission_rejects`.

Each is made into a zip as a forger would hand it in, and reviewed with a sandbox that runs the answers in this process.
It takes about a minute of CPU, so the ordinary tests have a few of them only (test_submission.py).
"""

import sys
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path

from harness.submission import Repository, ReviewRequest, review
from harness.submission.review import Review
from harness.verify import VerifyOptions
from tests.bundle import RUN, tasks, trusting
from tests.recipes import limits_of, prepare, read_recipe, recipes
from tests.samples import kit_tasks

NOT_IN_A_ZIP = {"run-files", "replicated"}
"""What only a run's folder can have, and what needs a server of one's own."""
OPTIONS = VerifyOptions("rescored", strict=True, tasks=tasks(), open_sandbox=trusting)


class Results:
    """A repository of results, to which pull requests are made."""

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True)
        self.repository = Repository(path)
        self.git("init", "-q", "-b", "main")
        self.git("commit", "-q", "--allow-empty", "-m", "start")

    def git(self, *words: str) -> str:
        return self.repository.git("-c", "user.name=somebody", "-c", "user.email=somebody@localhost", *words)

    def commit(self, files: dict[str, bytes | None], branch: str = "pr") -> None:
        """A branch of main that has these files, and not those that are None."""
        self.git("switch", "-q", "-C", branch, "main")
        for name, data in files.items():
            path = self.repository.path / name
            path.parent.mkdir(exist_ok=True)
            path.unlink(missing_ok=True)
            if data is not None:
                path.write_bytes(data)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "change")

    def publish(self, files: dict[str, bytes | None]) -> None:
        """The same, merged into main."""
        self.commit(files, "merged")
        self.git("switch", "-q", "main")
        self.git("merge", "-q", "merged")

    def review(self, options: VerifyOptions = OPTIONS) -> Review:
        return review(ReviewRequest(self.repository, "main", "pr", options))


def zipped(path: Path) -> bytes:
    """What a forger hands in: a zip or another file as it is, a folder as the zip of its files."""
    if path.is_file():
        return path.read_bytes()
    with tempfile.TemporaryFile() as file:
        with zipfile.ZipFile(file, "w") as archive:
            for member in sorted(path.rglob("*")):
                if member.is_file():
                    archive.write(member, member.relative_to(path))
        file.seek(0)
        return file.read()


def submitted(check: str, recipe_path: Path, folder: Path) -> Review:
    """The review of a pull request with the forged result of a recipe."""
    recipe = read_recipe(recipe_path)
    results = Results(folder / "repository")
    results.commit({f"results/{RUN}.zip": zipped(prepare(recipe, folder / "forged"))})
    options = replace(OPTIONS, limits=limits_of(recipe))
    if recipe.get("all_tasks"):
        # The sandbox of the tests cannot draw hidden cases, which all tasks of the kit have.
        options = replace(options, level="reread", tasks=kit_tasks())
    return results.review(options)


def main() -> int:
    """Print what is not refused; returns 1 if there is any."""
    accepted = []
    found = [pair for pair in recipes() if pair[0] not in NOT_IN_A_ZIP]
    for check, path in found:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "forged").mkdir()
            if submitted(check, path, Path(folder)).exit_code == 0:
                accepted.append(f"{check}/{path.name}")
    print(f"{len(found) - len(accepted)} of {len(found)} forged results refused")
    for name in accepted:
        print(f"ACCEPTED {name}")
    return int(bool(accepted))


if __name__ == "__main__":
    sys.exit(main())
