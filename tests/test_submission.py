"""A results repository's pull requests: only new bundles that pass their checks; and one is prepared with git alone."""

import errno
import os
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from harness.bundle import PublishRequest, publish
from harness.cli import COMMANDS, build_parser, main
from harness.cli.publish import run
from harness.errors import DiskError, RunError
from harness.files import ROOT, build
from harness.submission import BranchRequest, Repository, prepare_branch, render_answer
from harness.submission.repository import run_git
from harness.types import Result, Sandbox
from harness.verify import VerifyOptions, verify
from tests.bundle import RUN, good_bundle, tasks, write_run
from tests.recipes import REJECT
from tests.submission_rejects import OPTIONS, Results, submitted

READ = VerifyOptions("reread", strict=True, tasks=tasks())
NAME = f"results/{RUN}.zip"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published bundle."""
    folder = tmp_path_factory.mktemp("published")
    write_run(folder / "run", good_bundle())
    return publish(PublishRequest(folder / "run", folder, lambda path: verify(path, READ)))


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return Results(tmp_path / "repository")


def test_a_new_bundle_is_verified_and_answered_with_its_level_and_its_card(results: Results, bundle: Path) -> None:
    results.commit({NAME: bundle.read_bytes()})
    found = results.review(OPTIONS)
    answer = render_answer(found)
    assert found.exit_code == 0, answer
    assert answer.startswith("# Verified\n")
    assert "| rescored | reached |" in answer
    assert "| my coding | alpha." in answer
    assert "Apple M4 Max, 64.0 GiB" in answer


def test_an_answer_without_a_sandbox_is_no_acceptance(results: Results, bundle: Path) -> None:
    results.commit({NAME: bundle.read_bytes()})
    found = results.review(replace(OPTIONS, open_sandbox=None))
    assert found.exit_code == 2
    assert render_answer(found).startswith("# Could not be checked in full")


@contextmanager
def _broken(languages: tuple[str, ...]) -> Iterator[Sandbox]:
    raise KeyError("nobody")
    yield


def test_an_error_that_no_check_thought_of_is_an_answer_and_no_pass(results: Results, bundle: Path) -> None:
    results.commit({NAME: bundle.read_bytes()})
    found = results.review(replace(OPTIONS, open_sandbox=_broken))
    assert found.exit_code == 1
    (problem,) = found.bundles[0].problems
    assert problem.startswith(f"{RUN}.zip: could not be checked: KeyError in test_submission.py, line ")
    assert "could not be checked: KeyError" in render_answer(found)


@pytest.mark.parametrize(
    "error", [DiskError("no space left on device"), OSError(errno.ENOSPC, "no space left on device")]
)
def test_a_machine_that_cannot_check_refuses_no_bundle(error: Exception, results: Results, bundle: Path) -> None:
    @contextmanager
    def failing(languages: tuple[str, ...]) -> Iterator[Sandbox]:
        raise error
        yield

    results.commit({NAME: bundle.read_bytes()})
    found = results.review(replace(OPTIONS, open_sandbox=failing))
    answer = render_answer(found)
    assert (found.exit_code, found.bundles[0].problems) == (2, ())
    assert answer.startswith("# Could not be checked in full")
    assert "no space left on device" in answer
    assert "let it check again" in answer


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({NAME: b"other bytes"}, "edits a published bundle, which is never changed"),
        ({NAME: None}, "removes a published bundle, which is never changed"),
        ({"README.md": b"edited"}, "README.md: edits a file"),
        ({"results/my-result.zip": b"x"}, "only new bundles may be added, as results/RUN.zip"),
        ({f"results/{RUN}.1.zip": b"x"}, "only new bundles may be added"),
        ({f"other/{RUN}.zip": b"x"}, "only new bundles may be added"),
        ({"results/20261124-100000-002a.zip": b"x", ".github/x.yml": b"on: push"}, ".github/x.yml: only new bundles"),
        ({f"results/2026120{at}-100000-002a.zip": b"x" for at in range(6)}, "adds 6 bundles, at most 5"),
    ],
)
def test_what_changes_anything_else_is_refused_before_a_bundle_is_read(
    files: dict[str, bytes | None], problem: str, results: Results
) -> None:
    results.publish({NAME: b"published", "README.md": b"readme"})
    results.commit(files)
    found = results.review(READ)
    assert found.exit_code == 1
    assert any(problem in text for text in found.problems), found.problems
    assert found.bundles == ()


def test_a_link_in_the_place_of_a_bundle_is_refused(results: Results) -> None:
    results.git("switch", "-q", "-C", "pr", "main")
    (results.repository.path / "results").mkdir()
    (results.repository.path / NAME).symlink_to("/etc/passwd")
    results.git("add", "-A")
    results.git("commit", "-q", "-m", "link")
    assert results.review(READ).problems == (f"{NAME}: is no regular file",)


def test_a_bundle_under_the_name_of_another_run_is_refused(results: Results, bundle: Path) -> None:
    results.commit({"results/20261124-100000-002a.zip": bundle.read_bytes()})
    found = results.review(READ)
    assert found.exit_code == 1
    assert f"is the bundle of run {RUN} and must have its name" in render_answer(found).replace("&#45;", "-")


def test_a_correction_needs_the_bundle_that_it_corrects(results: Results, bundle: Path, tmp_path: Path) -> None:
    write_run(tmp_path / "run", good_bundle())
    request = PublishRequest(tmp_path / "run", bundle.parent, lambda path: verify(path, READ))
    second = publish(replace(request, supersedes=bundle, reason="the power adapter was not connected"))
    results.commit({f"results/{RUN}.2.zip": second.read_bytes()})
    (found,) = results.review(READ).bundles
    assert found.problems == (f"{RUN}.2.zip: the bundle that it corrects is not in this repository",)
    results.publish({NAME: bundle.read_bytes()})
    results.commit({f"results/{RUN}.2.zip": second.read_bytes()})
    assert results.review(READ).exit_code == 0
    results.commit({f"results/{RUN}.2.zip": bundle.read_bytes()})
    assert results.review(READ).exit_code == 1


@pytest.mark.parametrize("name", ["rescored", "archive-path", "cells"])
def test_a_forged_result_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "forged").mkdir()
    found = submitted(name, next(iter(sorted((REJECT / name).glob("*.json")))), tmp_path)
    assert found.exit_code == 1
    assert f"&#91;{name}&#93;" in render_answer(found)


def test_a_revision_that_looks_like_an_option_is_none(results: Results) -> None:
    with pytest.raises(RunError, match="git failed"):
        results.repository.changes("--output=/tmp/x", "main")


@pytest.fixture
def upstream(tmp_path: Path, results: Results, monkeypatch: pytest.MonkeyPatch) -> Results:
    """A bare repository in the place of github.com/owner/results, and a user of git."""
    results.publish({"results/20261101-100000-002a.zip": b"published"})
    bare = tmp_path / "bare" / "owner" / "results.git"
    bare.parent.mkdir(parents=True)
    results.git("clone", "-q", "--bare", str(results.repository.path), str(bare))
    config = f'[user]\nname = somebody\nemail = somebody@localhost\n[url "{bare.parent.parent.as_uri()}/"]\n'
    (tmp_path / "gitconfig").write_text(f"{config}insteadOf = https://github.com/\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    return Results.__new__(Results)


def test_publish_prepares_a_pull_request_with_git_alone(
    upstream: Results, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path / "run", good_bundle())
    parser = build_parser(COMMANDS)
    out = tmp_path / "out"
    args = ["publish", str(tmp_path / "run"), "--output", str(out), "--pr", "owner/results"]
    assert run(parser.parse_args(args)) == 0
    said = capsys.readouterr().err
    clone, branch = out / f"{RUN}.pr", f"result-{RUN}"
    assert f"gh pr create --repo owner/results --title 'Add result {RUN}'" in said
    assert f"https://github.com/owner/results/compare/main...YOU:{branch}?expand=1" in said
    assert "my coding" in (out / f"{RUN}.md").read_text().lower()
    repository = Repository(clone)
    repository.git("push", "-q", "origin", branch)
    bare = Repository(tmp_path / "bare" / "owner" / "results.git")
    (change,) = bare.changes("main", branch)
    assert (change.status, change.path) == ("A", NAME)
    bare.write_blob(change.blob, tmp_path / "pushed.zip")
    assert (tmp_path / "pushed.zip").read_bytes() == (out / f"{RUN}.zip").read_bytes()


def publish_pr(folder: Path, *options: str) -> int:
    return main(["publish", str(folder / "run"), "--output", str(folder / "out"), *options])


def test_after_a_failure_the_same_bundle_becomes_a_pull_request(upstream: Results, tmp_path: Path) -> None:
    write_run(tmp_path / "run", good_bundle())
    assert publish_pr(tmp_path, "--pr", "owner-results") == RunError.exit_code
    assert not (tmp_path / "out").exists()
    assert publish_pr(tmp_path, "--pr", "owner/not-there") == RunError.exit_code
    assert [path.name for path in (tmp_path / "out").iterdir()] == [f"{RUN}.zip"]
    before = (tmp_path / "out" / f"{RUN}.zip").read_bytes()
    assert publish_pr(tmp_path) == RunError.exit_code
    assert publish_pr(tmp_path, "--pr", "owner/results", "--folder", "other/folder") == 0
    assert (tmp_path / "out" / f"{RUN}.zip").read_bytes() == before
    made = Repository(tmp_path / "out" / f"{RUN}.pr")
    assert [change.path for change in made.changes("main", f"result-{RUN}")] == [f"other/folder/{RUN}.zip"]


def test_without_an_author_for_the_commit_nothing_is_published(
    upstream: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path / "run", good_bundle())
    (tmp_path / "gitconfig").write_text("[user]\nuseConfigOnly = true\n")
    for name in ("EMAIL", *(f"GIT_{who}_{what}" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL"))):
        monkeypatch.delenv(name, raising=False)
    # Not in this repository, which may name an author.
    monkeypatch.chdir(tmp_path)
    assert publish_pr(tmp_path, "--pr", "owner/results") == RunError.exit_code
    assert "fix   set user.name and user.email with git config --global" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


class Interrupting(list[str]):
    """Sentences whose reader gets Ctrl-C."""

    def __iter__(self) -> Iterator[str]:
        raise KeyboardInterrupt


def test_ctrl_c_leaves_no_clone_that_would_count_as_prepared(upstream: Results, bundle: Path, tmp_path: Path) -> None:
    request = BranchRequest("owner/results", bundle, build(Result, good_bundle().result), tmp_path / "clone.pr")
    with pytest.raises(KeyboardInterrupt):
        prepare_branch(replace(request, standing=Interrupting(["x"])))
    assert not request.clone.exists()
    assert prepare_branch(request).clone.is_dir()


def test_the_branch_can_be_pushed_to_a_fork_that_is_behind(
    upstream: Results, results: Results, bundle: Path, tmp_path: Path
) -> None:
    bare = Repository(tmp_path / "bare" / "owner" / "results.git")
    run_git(("clone", "-q", "--bare", str(bare.path), str(tmp_path / "fork.git")))
    results.publish({"results/20261102-100000-002a.zip": b"published later"})
    results.git("push", "-q", str(bare.path), "main")
    # As git servers have it: without, a clone would have all files.
    bare.git("config", "uploadpack.allowFilter", "true")
    bare.git("config", "uploadpack.allowAnySHA1InWant", "true")
    made = prepare_branch(
        BranchRequest("owner/results", bundle, build(Result, good_bundle().result), tmp_path / "clone.pr")
    )
    Repository(made.clone).git("push", "-q", str(tmp_path / "fork.git"), made.branch)
    assert set(Repository(tmp_path / "fork.git").files(made.branch, "results")) == {
        NAME,
        "results/20261101-100000-002a.zip",
        "results/20261102-100000-002a.zip",
    }


def test_a_bundle_that_is_there_already_is_not_proposed_again(upstream: Results, bundle: Path, tmp_path: Path) -> None:
    there = bundle.with_name("20261101-100000-002a.zip")
    there.write_bytes(b"x")
    result = build(Result, good_bundle().result)
    request = BranchRequest("owner/results", there, result, tmp_path / "clone.pr")
    with pytest.raises(RunError, match=r"has results/20261101-100000-002a\.zip already"):
        prepare_branch(request)
    assert not request.clone.exists()
    (tmp_path / "clone.md").write_text("what the user wrote")
    with pytest.raises(RunError, match=r"clone\.md: is there already"):
        prepare_branch(request)
    assert (tmp_path / "clone.md").read_text() == "what the user wrote"
    with pytest.raises(RunError, match="is no repository's name"):
        prepare_branch(replace(request, repository="--upload-pack=x/y"))


def script_of(workflow: str, last_line: str) -> str:
    """The shell script of a workflow's step, up to this line."""
    lines = (ROOT / ".github" / "results-repository" / workflow).read_text(encoding="utf-8").splitlines()
    end = next(at for at, line in enumerate(lines) if line.strip().startswith(last_line))
    start = max(at for at in range(end) if lines[at].strip() == "run: |")
    return textwrap.dedent("\n".join(lines[start + 1 : end + 1]))


def run_script(script: str, folder: Path, programs: dict[str, str], **environment: str) -> int:
    """Run a step's script in a folder as GitHub does, with these programs."""
    for name, text in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    path = f"{folder}:{os.environ['PATH']}"
    command = ["bash", "-e", "-c", script]
    return subprocess.run(command, cwd=folder, env={**os.environ, "PATH": path, **environment}, check=False).returncode


# In the place of GitHub's client: the pull request's number, its changes, and where a comment goes.
FAKE_GH = """
case "$*" in
  "pr comment 7 "*) cp answer/answer.md posted ;;
  *"/compare/main...abc "*) cat changes ;;
  *"/pulls "*) echo 7 ;;
  *) exit 1 ;;
esac
"""


@pytest.mark.parametrize(
    ("changes", "is_posted"),
    [
        (f"added {NAME}", True),
        (f"added {NAME}\nadded results/{RUN}.2.zip", True),
        (f"added {NAME}\nmodified .github/workflows/check-result.yml", False),
        ("added .github/workflows/another.yml", False),
        (f"renamed {NAME}", False),
        (f"added other/{NAME}", False),
        (f"added {NAME}x", False),
        ("", False),
        ("\n".join([f"added {NAME}"] * 300), False),
    ],
)
def test_an_answer_is_posted_only_if_the_pull_request_could_not_write_it(
    changes: str, is_posted: bool, tmp_path: Path
) -> None:
    (tmp_path / "answer").mkdir()
    (tmp_path / "answer" / "answer.md").write_text("# Verified")
    (tmp_path / "changes").write_text(f"{changes}\n")
    names = {"REPOSITORY": "o/r", "HEAD_OWNER": "x", "HEAD_BRANCH": "b", "HEAD_SHA": "abc", "BASE_BRANCH": "main"}
    script = script_of("answer.yml", "gh pr comment")
    assert run_script(script, tmp_path, {"gh": FAKE_GH}, FOLDER="results", **names) == 0
    posted = (tmp_path / "posted").read_text()
    assert (posted == "# Verified") == is_posted
    assert is_posted or posted.startswith("This changes more than bundles")


def test_a_site_without_the_bundles_that_are_refused_is_published_and_then_the_job_fails(
    bundle: Path, tmp_path: Path
) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / bundle.name).write_bytes(bundle.read_bytes())
    (tmp_path / "results" / "20261123-100000-002b.zip").write_bytes(b"no bundle")
    # The answers are not run again: that takes an engine, and what the build does with a refusal is the same.
    script = script_of("site.yml", "test -f").replace("rescored", "consistent")
    kit = {"lanebench": f'exec {shlex.quote(sys.executable)} -m harness "$@"'}
    output = {"GITHUB_OUTPUT": str(tmp_path / "output"), "BUNDLES": "https://localhost", "PYTHONPATH": str(ROOT)}
    assert run_script(script, tmp_path, kit, LANEBENCH_CACHE=str(tmp_path / "cache"), **output) == 0
    assert (tmp_path / "output").read_text() == "failed=yes\n"
    assert RUN in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert run_script(script, tmp_path, {"lanebench": "mkdir -p site; rm -f site/site.json; exit 7"}, **output) == 1


def test_the_action_and_the_workflows_call_commands_that_exist() -> None:
    parser = build_parser(COMMANDS)
    found = 0
    for path in [*(ROOT / ".github").rglob("action.yml"), *(ROOT / ".github" / "results-repository").glob("*.yml")]:
        for line in path.read_text(encoding="utf-8").splitlines():
            if "lanebench " in line and line.strip().startswith("lanebench "):
                words = line.strip().split("|")[0].split(">")[0].replace('"', "").split()[1:]
                words = ["rescored" if word == "$LEVEL" else word for word in words]
                assert parser.parse_args(words).run is not None
                found += 1
    assert found == 2
