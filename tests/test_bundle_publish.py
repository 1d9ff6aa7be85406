"""A sound run becomes a bundle that passes `verify`; one that misleads or reveals its owner is refused with reasons."""

import argparse
import copy
import json
import os
import random
import subprocess
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from harness.bundle import PublishRequest, find_refusals, publish, write_form
from harness.bundle.eee import eee_documents
from harness.bundle.publish import manifest_digest
from harness.bundle.refusals import PrivateStrings, detect_private_strings
from harness.bundle.signing import identify_signer, sign
from harness.bundle.source import MAX_DIRECTORY_BYTES
from harness.cli.publish import options, run
from harness.errors import CheckError, ConfigError, LanebenchError, Problem, RunError
from harness.files import build, lock_folder, plain, sha256_of, to_json
from harness.report import render_text
from harness.schema import as_document
from harness.tasks import find_fixtures
from harness.types import AgentLimits, AgentWork, Chunk, Recording, Result, Verdict
from harness.verify import VerifyOptions, verify
from tests.bundle import Bundle, good_bundle, run_plan, summarized, tasks, texts_of

NOBODY = PrivateStrings("/home/nobody-here", ("a-host-of-mine",), {"s3cr3t-value-of-a-key": "MY_KEY"})
REASON = "the power adapter was not connected during the second half"


def _write_run(folder: Path, bundle: Bundle) -> Path:
    folder.mkdir(parents=True)
    for name, text in texts_of(bundle).items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "run.json").write_text(to_json(as_document("run", run_plan())), encoding="utf-8")
    return folder


OPTIONS = VerifyOptions("reread", tasks=tasks())


@pytest.fixture
def publish_request(tmp_path: Path) -> PublishRequest:
    return PublishRequest(
        _write_run(tmp_path / "run", good_bundle()),
        tmp_path / "out",
        lambda run: verify(run, OPTIONS),
    )


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "somebody", "-f", str(path)], check=True)
    return path


def test_a_sound_run_becomes_a_bundle_that_is_found_sound(publish_request: PublishRequest) -> None:
    path = publish(publish_request)
    assert path == publish_request.output_folder / "20261123-100000-002a.zip"
    assert verify(path, replace(OPTIONS, strict=True)).exit_code == 0
    with zipfile.ZipFile(path) as archive:
        assert sorted(archive.namelist()) == [
            "log.jsonl",
            "manifest.json",
            "recordings.jsonl",
            "result.json",
            "scores.jsonl",
        ]


def test_the_run_is_left_as_it_was(publish_request: PublishRequest) -> None:
    before = sorted(path.name for path in publish_request.run_folder.iterdir())
    publish(publish_request)
    assert sorted(path.name for path in publish_request.run_folder.iterdir()) == before


def test_the_same_run_makes_the_same_bytes(publish_request: PublishRequest, tmp_path: Path) -> None:
    assert (
        publish(publish_request).read_bytes()
        == publish(replace(publish_request, output_folder=tmp_path / "again")).read_bytes()
    )


def test_a_published_bundle_is_never_written_over(publish_request: PublishRequest) -> None:
    published = publish(publish_request).read_bytes()
    with pytest.raises(RunError, match="is published already and cannot be changed"):
        publish(publish_request)
    assert (publish_request.output_folder / "20261123-100000-002a.zip").read_bytes() == published


def test_an_equal_bundle_is_taken_if_that_is_asked_for_and_no_other(publish_request: PublishRequest, key: Path) -> None:
    accepting = replace(publish_request, accept_equal=True)
    path = publish(accepting)
    published = path.read_bytes()
    assert publish(accepting) == path
    with pytest.raises(RunError, match="is published already and cannot be changed"):
        publish(replace(accepting, key=key))
    correction = replace(accepting, supersedes=path, reason=REASON, key=key)
    second = publish(correction)
    assert publish(correction) == second
    assert publish(replace(correction, reason=f"{REASON} at first")).name == "20261123-100000-002a.3.zip"
    scores = publish_request.run_folder / "scores.jsonl"
    scores.write_bytes(scores.read_bytes().replace(b"\n", b" \n", 1))
    with pytest.raises(RunError, match="is published already and cannot be changed"):
        publish(replace(accepting, verify=lambda run: Verdict("", "schema", ())))
    assert path.read_bytes() == published


def test_a_run_that_another_process_writes_is_not_published(publish_request: PublishRequest) -> None:
    with lock_folder(publish_request.run_folder), pytest.raises(RunError, match="another process records into it"):
        publish(publish_request)
    assert not publish_request.output_folder.exists()


def test_a_bundle_of_many_mebibytes_can_be_read(publish_request: PublishRequest) -> None:
    result = publish_request.run_folder / "result.json"
    padding = random.Random(1).randbytes(9 * 2**20).translate(b" \n\r\t" * 64)
    result.write_bytes(result.read_bytes() + padding)
    path = publish(publish_request)
    with zipfile.ZipFile(path) as archive:
        assert archive.getinfo("result.json").compress_size > MAX_DIRECTORY_BYTES
    assert verify(path, replace(OPTIONS, strict=True)).exit_code == 0


def test_a_correction_names_the_old_bundle_and_the_reason(publish_request: PublishRequest) -> None:
    old = publish(publish_request)
    new = publish(replace(publish_request, supersedes=old, reason=REASON))
    assert new.name == "20261123-100000-002a.2.zip"
    notes = [
        finding.message
        for report in verify(new, OPTIONS).levels
        for finding in report.findings
        if finding.check == "supersedes"
    ]
    by = "nobody signed that one, so that anybody may have made this correction"
    assert notes == [
        f"says that it supersedes the bundle with manifest {manifest_digest(old)}, and that {by}: {REASON}"
    ]


def _new_key(folder: Path, name: str) -> Path:
    path = folder / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path)], check=True)
    return path


def test_a_correction_says_whether_the_same_key_signed(publish_request: PublishRequest, tmp_path: Path) -> None:
    mine, anothers = (_new_key(tmp_path, name) for name in ("mine", "anothers"))
    old = publish(replace(publish_request, key=mine))
    strict = replace(OPTIONS, strict=True)
    same = publish(replace(publish_request, key=mine, supersedes=old, reason=REASON))
    assert verify(same, strict).exit_code == 0
    assert "and that the same key signed that one" in _messages(same, "supersedes")[0]
    for key in (anothers, None):
        other = publish(replace(publish_request, key=key, supersedes=old, reason=REASON))
        assert (verify(other, OPTIONS).exit_code, verify(other, strict).exit_code) == (0, 1)
        assert "and that another key signed that one (SHA256:" in _messages(other, "supersedes")[0]


def _messages(bundle: Path, check: str, options: VerifyOptions = OPTIONS) -> list[str]:
    found = [finding for report in verify(bundle, options).levels for finding in report.findings]
    return [finding.message for finding in found if finding.check == check]


def test_with_a_list_of_signers_an_unsigned_or_unlisted_file_fails(
    publish_request: PublishRequest, tmp_path: Path
) -> None:
    listed, unlisted = (_new_key(tmp_path, name) for name in ("listed", "unlisted"))
    signers = tmp_path / "signers"
    signers.write_text(f"ada@example.org {listed.with_suffix('.pub').read_text()}")
    options = replace(OPTIONS, signers=signers)
    unsigned = publish(publish_request)
    stranger = publish(replace(publish_request, key=unlisted, output_folder=tmp_path / "stranger"))
    for bundle, reason in ((unsigned, "is missing"), (stranger, "does not list"), (unsigned.parent, "")):
        path = publish_request.run_folder if bundle.is_dir() else bundle
        assert verify(path, options).exit_code == 1
        assert reason in _messages(path, "signature", options)[0]


def test_a_correction_needs_a_reason_and_a_bundle(publish_request: PublishRequest) -> None:
    old = publish(publish_request)
    with pytest.raises(RunError, match="a correction needs a reason"):
        publish(replace(publish_request, supersedes=old))
    with pytest.raises(RunError, match="not a published bundle"):
        publish(replace(publish_request, supersedes=publish_request.run_folder / "result.json", reason=REASON))


def test_the_signer_of_a_bundle_is_named(publish_request: PublishRequest, key: Path, tmp_path: Path) -> None:
    path = publish(replace(publish_request, key=key))
    public = key.with_suffix(".pub").read_text()
    signers = tmp_path / "signers"
    signers.write_text(f"ada@example.org {public}")
    named, unnamed = verify(path, replace(OPTIONS, signers=signers)), verify(path, OPTIONS)
    assert (named.exit_code, unnamed.exit_code) == (0, 0)
    assert "(ada@example.org)" in named.levels[2].findings[0].message
    assert "does not prove that it is true" in named.levels[2].findings[0].message
    assert "no allowed-signers file names the holder" in unnamed.levels[2].findings[0].message


@pytest.mark.parametrize(
    ("limit", "reason"),
    [('valid-before="20200101"', "key has expired"), ('namespaces="git"', "key is not permitted for use in signature")],
)
def test_a_listed_key_that_may_not_sign_is_not_called_unlisted(
    publish_request: PublishRequest, key: Path, tmp_path: Path, limit: str, reason: str
) -> None:
    path = publish(replace(publish_request, key=key))
    signers = tmp_path / "signers"
    signers.write_text(f"ada@example.org {limit} {key.with_suffix('.pub').read_text()}")
    (finding,) = verify(path, replace(OPTIONS, signers=signers)).levels[2].findings
    assert (finding.check, finding.severity) == ("signature", "error")
    assert f"lists and does not allow: {reason}" in finding.message


@pytest.mark.parametrize("line", ["ssh-ed25519 AAAAbroken", "valid-before=nonsense {other}"])
def test_a_line_that_cannot_be_read_says_nothing_of_a_key_that_is_not_listed(
    key: Path, tmp_path: Path, line: str
) -> None:
    file, signers = tmp_path / "file", tmp_path / "signers"
    file.write_bytes(b"signed")
    other = _new_key(tmp_path, "other").with_suffix(".pub").read_text().strip()
    signers.write_text(f"ada@example.org {line.format(other=other)}\nbob@example.org {other}\n")
    signer = identify_signer(b"signed", sign(file, key).read_bytes(), signers)
    assert signer is not None
    assert (signer.name, signer.refusal) == (None, "")


def test_a_signature_of_other_bytes_or_for_another_purpose_is_invalid(key: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"signed")
    subprocess.run(
        ["ssh-keygen", "-Y", "sign", "-n", "git", "-f", str(key), str(file)], check=True, capture_output=True
    )
    signature = (tmp_path / "file.sig").read_bytes()
    assert identify_signer(b"signed", signature) is None
    assert identify_signer(b"signed", b"no signature") is None


PRIVATE = replace(
    OPTIONS, tasks={**tasks(), "code-bugfix": replace(tasks()["code-bugfix"], private_includes=("ab" * 32,))}
)


def _private_bundle() -> Bundle:
    """The good bundle as if the prompt of code-bugfix held files of the owner's."""
    bundle = good_bundle()
    for task in bundle.result["tasks"]:
        if task["name"] == "code-bugfix":
            task["private_includes"] = ["ab" * 32]
    return summarized(bundle)


def test_a_run_of_private_tasks_is_published_as_digests_only(tmp_path: Path) -> None:
    bundle = _private_bundle()
    run_folder = _write_run(tmp_path / "run", bundle)
    (run_folder / "run.json").unlink()
    private = PublishRequest(run_folder, tmp_path, lambda path: verify(path, replace(PRIVATE, level="consistent")))
    with pytest.raises(CheckError, match="includes private files"):
        publish(private)
    path = publish(replace(private, digests_only=True))
    with zipfile.ZipFile(path) as archive:
        assert sorted(archive.namelist()) == ["manifest.json", "result.json"]
        result = json.loads(archive.read("result.json"))
        manifest = json.loads(archive.read("manifest.json"))
    assert manifest["withheld"]["recordings.jsonl"]["sha256"] == result["digests"]["recordings_sha256"]
    for old, new in zip(bundle.result["trials"], result["trials"], strict=True):
        is_private = new["task"] == "code-bugfix"
        assert [turn["content"] for turn in new["turns"]] == (
            [""] if is_private else [turn["content"] for turn in old["turns"]]
        )
        assert new["turns"][0]["content_sha256"] == old["turns"][0]["content_sha256"]
        assert not is_private or all(check["observed"] is check["expected"] is None for check in new["checks"])
    verdict = verify(path, replace(PRIVATE, level="rescored", strict=True))
    assert [report.state for report in verdict.levels[2:5]] == ["reached", "unverified", "unverified"]
    assert "consistent is the highest level to reach" in verdict.levels[3].detail
    assert "WITHHELD: the answers to 1 private task, and every recording" in render_text(build(Result, result))


def test_only_answers_to_private_tasks_may_be_withheld(tmp_path: Path) -> None:
    bundle = _private_bundle()
    run_folder = _write_run(tmp_path / "run", bundle)
    path = publish(PublishRequest(run_folder, tmp_path, lambda path: Verdict("", "schema", ()), digests_only=True))
    with zipfile.ZipFile(path) as archive:
        result, manifest = (json.loads(archive.read(f"{name}.json")) for name in ("result", "manifest"))
    public = copy.deepcopy(result)
    next(trial for trial in public["trials"] if trial["task"] != "code-bugfix")["turns"][0]["content"] = ""
    for document, listed in ((public, manifest), (result, {**manifest, "withheld": {}})):
        folder = tmp_path / f"forged-{document is public}"
        folder.mkdir()
        text = to_json(document)
        (folder / "result.json").write_text(text)
        listed["files"] = {"result.json": {"sha256": sha256_of(text), "size_bytes": len(text.encode())}}
        (folder / "manifest.json").write_text(to_json(listed))
        found = [finding for report in verify(folder, PRIVATE).levels for finding in report.findings]
        assert {finding.check for finding in found if finding.severity == "error"} == {"answer-digests"}


def test_a_run_without_private_tasks_has_nothing_to_withhold(publish_request: PublishRequest) -> None:
    with pytest.raises(CheckError, match="nothing to withhold"):
        publish(replace(publish_request, digests_only=True))


def test_a_file_that_is_no_key_is_reported(publish_request: PublishRequest, tmp_path: Path) -> None:
    (tmp_path / "no-key").write_text("nothing")
    with pytest.raises(LanebenchError, match="cannot sign"):
        publish(replace(publish_request, key=tmp_path / "no-key"))
    assert not publish_request.output_folder.exists() or not list(publish_request.output_folder.iterdir())


def test_a_run_with_findings_of_verify_is_not_published(publish_request: PublishRequest) -> None:
    bundle = good_bundle()
    bundle.result["cells"][0]["pass_rate"]["low"] = 0.99
    (publish_request.run_folder / "result.json").write_text(texts_of(bundle)["result.json"])
    with pytest.raises(CheckError, match=r"\[cells\]"):
        publish(publish_request)


def test_a_run_that_is_not_finished_is_not_published(publish_request: PublishRequest) -> None:
    (publish_request.run_folder / "scores.jsonl").unlink()
    with pytest.raises(RunError, match=r"scores\.jsonl missing"):
        publish(publish_request)


def _refused(bundle: Bundle, private_strings: PrivateStrings = NOBODY) -> list[Problem]:
    recordings = ((at, build(Recording, document)) for at, document in enumerate(bundle.recordings, 1))
    return find_refusals(build(Result, bundle.result), bundle.result, recordings, private_strings)


def _set(bundle: Bundle, *way: object, value: object) -> None:
    target: object = {"result": bundle.result, "recordings": bundle.recordings}[str(way[0])]
    for step in way[1:-1]:
        target = target[step]  # type: ignore[index]
    target[way[-1]] = value  # type: ignore[index]


def _reply(bundle: Bundle, text: str) -> None:
    chunk = json.loads(to_json(Chunk(9_000_000_000, text.encode())))
    bundle.recordings[3]["chunks"].append(chunk)


MISLEADING: Mapping[str, tuple[Callable[[Bundle], None], str]] = {
    "simulated": (lambda b: _set(b, "result", "run", "simulated", value=True), "simulated"),
    "simulated model": (lambda b: _set(b, "result", "models", 0, "simulated", value=True), "simulated"),
    "dirty kit": (lambda b: _set(b, "result", "kit", "dirty", value=True), "uncommitted"),
    "no trials": (lambda b: _set(b, "result", "trials", value=[]), "no trials"),
    "private files": (
        lambda b: _set(b, "result", "tasks", 0, "private_includes", value=["ab12"]),
        "private files",
    ),
    "another host": (
        lambda b: _set(b, "recordings", 3, "url", value="http://studio.lan:8080/v1/chat/completions"),
        "studio.lan",
    ),
    "a URL that cannot be parsed": (
        lambda b: _set(b, "recordings", 3, "url", value="http://[127.0.0.1/v1/chat/completions"),
        "no valid URL",
    ),
    "home of the owner": (lambda b: _reply(b, "see /home/nobody-here/x"), "your home folder"),
    "somebody's home": (
        lambda b: _set(b, "result", "models", 0, "model", value="/Users/ada/models/alpha.gguf"),
        "/Users/ada",
    ),
    "windows home": (lambda b: _set(b, "result", "models", 0, "model", value="C:\\Users\\ada\\m"), "in a home folder"),
    "host name": (lambda b: _set(b, "result", "host", "chip", value="a-host-of-mine"), "name of this machine"),
    "host name in a header": (
        lambda b: _set(b, "recordings", 3, "headers", value={"server": "x on a-host-of-mine"}),
        "name of this machine",
    ),
    "value of a key": (
        lambda b: _set(b, "recordings", 3, "request", "user", value="s3cr3t-value-of-a-key"),
        "value of an API key",
    ),
    "a key in a reply": (lambda b: _reply(b, "sk-" + "a1" * 20), "looks like a key"),
    "a bearer token": (lambda b: _set(b, "recordings", 3, "error", value="Bearer " + "t0" * 12), "looks like a key"),
    "a private key": (lambda b: _reply(b, "-----BEGIN OPENSSH PRIVATE KEY-----"), "looks like a key"),
}


@pytest.mark.parametrize("name", sorted(MISLEADING))
def test_it_is_refused_with_its_reason(name: str) -> None:
    change, expected = MISLEADING[name]
    bundle = good_bundle()
    change(bundle)
    found = _refused(bundle)
    assert len(found) == 1
    assert expected in found[0].message


def test_all_reasons_are_reported_at_once() -> None:
    bundle = good_bundle()
    for name in ("simulated", "dirty kit", "another host", "a key in a reply"):
        MISLEADING[name][0](bundle)
    assert len(_refused(bundle)) == 4


def test_lines_of_one_model_that_reveal_the_same_are_one_reason() -> None:
    bundle = good_bundle()
    lines: dict[str, list[int]] = {}
    for number, recording in enumerate(bundle.recordings, 1):
        recording["url"] = "http://studio.lan:8080/v1/chat/completions"
        lines.setdefault(recording["key"]["model"], []).append(number)
    found = _refused(bundle)
    assert len(found) == len(lines) > 1
    for problem, (model, numbers) in zip(found, lines.items(), strict=True):
        assert problem.message.startswith(f"recordings.jsonl, line {numbers[0]}")
        assert problem.message.endswith(f"; and {len(numbers) - 1} more of {model}")


@pytest.mark.parametrize("path", ["/home/alice/data.csv", "/Users/bob/notes"])
def test_paths_that_a_model_wrote_into_its_patch_or_its_code_are_not_the_owners(path: str) -> None:
    bundle = good_bundle()
    work = AgentWork("exited", 0, f"+DATA = '{path}'\n", 1.0, 0, 0, (), AgentLimits())
    bundle.result["trials"][0] |= {"work": plain(work), "metrics": {"hidden_inputs": {"case": path}}}
    assert _refused(bundle) == []
    # A key is one wherever it is.
    (key,) = NOBODY.api_keys
    for field in ({"work": plain(replace(work, patch=key))}, {"work": None, "metrics": {"note": key}}):
        bundle.result["trials"][0] |= field
        assert [problem.message for problem in _refused(bundle)] == ["result.json contains the value of an API key"]
        assert "MY_KEY" in _refused(bundle)[0].fix


def test_a_sound_run_is_not_refused() -> None:
    assert _refused(good_bundle()) == []


def test_a_path_in_a_models_answer_is_not_taken_for_the_owners() -> None:
    bundle = good_bundle()
    _reply(bundle, "open('/home/user/data.txt') or /Users/someone/x on a-host-of-mine")
    assert _refused(bundle) == []


def test_the_prompts_of_the_kit_contain_nothing_that_looks_like_a_key() -> None:
    from harness.bundle.refusals import API_KEYS

    texts = [
        path.read_text(encoding="utf-8", errors="replace") for path in find_fixtures().rglob("*") if path.is_file()
    ]
    assert [found.group() for text in texts if (found := API_KEYS.search(text))] == []


def test_the_owner_is_known_from_the_machine_and_the_plans_key_variables() -> None:
    plan = run_plan()
    keyed = replace(plan, models=(replace(plan.models[0], key_env="MY_KEY"),))
    owner = detect_private_strings(keyed, {**os.environ, "MY_KEY": "a-value-of-a-key"})
    assert owner.api_keys == {"a-value-of-a-key": "MY_KEY"}
    assert owner.home == str(Path.home())
    assert detect_private_strings(None).api_keys == {}


@pytest.mark.parametrize("value", ["llama", "EMPTY", "llama-server", "mlx-openai-server"])
def test_a_dummy_for_a_server_that_wants_no_key_refuses_no_run(value: str) -> None:
    plan = run_plan()
    keyed = replace(plan, models=(replace(plan.models[0], server="mlx-openai-server", key_env="MY_KEY"),))
    assert detect_private_strings(keyed, {**os.environ, "MY_KEY": value}).api_keys == {}
    short = "hunter2-pw12"
    assert detect_private_strings(keyed, {**os.environ, "MY_KEY": short}).api_keys == {short: "MY_KEY"}


def test_every_eval_ever_gets_a_document_per_model_and_a_line_per_trial(
    publish_request: PublishRequest, tmp_path: Path
) -> None:
    result = build(Result, good_bundle().result)
    paths = write_form("eee", result, tmp_path / "eee")
    names = [f"20261123-100000-002a-{label}.{kind}" for label in ("alpha", "beta") for kind in ("json", "jsonl")]
    assert [path.name for path in paths] == names
    document = json.loads(paths[2].read_text())
    detailed = document["detailed_evaluation_results"]
    rows = (tmp_path / "eee" / detailed["file_path"]).read_text()
    assert detailed["checksum"] == sha256_of(rows)
    assert detailed["total_rows"] == len(rows.splitlines()) == 3
    score = document["evaluation_results"][0]["score_details"]
    assert score["score"] == pytest.approx(2 / 3)
    assert score["details"] == {"passed": "2", "trials": "3", "outcome_failed": "1", "outcome_passed": "2"}
    assert score["uncertainty"]["num_samples"] == 3


def test_the_export_has_strings_only_in_its_details_and_scores_within_bounds() -> None:
    for _, document, _, _ in eee_documents(build(Result, good_bundle().result)):
        required = {"schema_version", "evaluation_id", "retrieved_timestamp", "source_metadata", "model_info"}
        assert required | {"eval_library", "evaluation_results"} <= set(document)
        assert all(type(value) is str for value in document["model_info"]["additional_details"].values())
        assert document["retrieved_timestamp"].isdecimal()
        for evaluation in document["evaluation_results"]:
            assert all(type(value) is str for value in evaluation["score_details"]["details"].values())
            assert 0 <= evaluation["score_details"]["score"] <= 1


def test_a_model_with_no_scored_task_has_no_document() -> None:
    bundle = good_bundle()
    bundle.result["trials"] = [trial for trial in bundle.result["trials"] if trial["task"] == "speed-small"]
    bundle.result["tasks"] = [task for task in bundle.result["tasks"] if task["name"] == "speed-small"]
    assert list(eee_documents(build(Result, summarized(bundle).result))) == []


def test_the_command_writes_the_bundle_and_the_export(
    publish_request: PublishRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = argparse.ArgumentParser()
    options(parser)
    out = tmp_path / "published"
    assert run(parser.parse_args([str(publish_request.run_folder), "--output", str(out), "--form", "eee"])) == 0
    printed = capsys.readouterr()
    assert printed.out.strip() == str(out / "20261123-100000-002a.zip")
    assert "open a pull request that adds 20261123-100000-002a.zip, and nothing else, to results/" in printed.err
    assert "in a clone of the results repository, with the bundle in its results/:" in printed.err
    assert "git switch -c result-20261123-100000-002a" in printed.err
    assert len(list((out / "20261123-100000-002a.eee").iterdir())) == 4


def test_the_command_asks_for_the_reason_of_a_correction(publish_request: PublishRequest, tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    options(parser)
    with pytest.raises(ConfigError, match="--reason"):
        run(parser.parse_args([str(publish_request.run_folder), "--supersedes", str(tmp_path / "old.zip")]))
