"""A sound run becomes a bundle that verify finds sound; what misleads or tells of its owner is refused, each told."""

import json
import os
import re
import subprocess
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from harness.bundle import Order, publish, refusals, write_eee
from harness.bundle.eee import eee_documents
from harness.bundle.publish import manifest_digest
from harness.bundle.refusals import Owner, owner_here
from harness.bundle.signing import signer_of
from harness.cli.publish import options, run
from harness.errors import CheckError, LanebenchError, RunError
from harness.files import build, sha256_of, to_json
from harness.schema import as_document
from harness.tasks import find_fixtures
from harness.types import Chunk, Recording, Result
from harness.verify import Asked, verify
from tests.bundle import Bundle, good_bundle, run_plan, summarized, tasks, texts_of

NOBODY = Owner("/home/nobody-here", "nobody", ("a-host-of-mine",), ("s3cr3t-value-of-a-key",))
REASON = "the power adapter was not connected during the second half"


def _write_run(folder: Path, bundle: Bundle) -> Path:
    folder.mkdir(parents=True)
    for name, text in texts_of(bundle).items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "run.json").write_text(to_json(as_document("run", run_plan())), encoding="utf-8")
    return folder


ASKED = Asked("reread", tasks=tasks())


@pytest.fixture
def order(tmp_path: Path) -> Order:
    return Order(
        _write_run(tmp_path / "run", good_bundle()),
        tmp_path / "out",
        lambda run: verify(run, ASKED),
    )


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "somebody", "-f", str(path)], check=True)
    return path


def test_a_sound_run_becomes_a_bundle_that_is_found_sound(order: Order) -> None:
    path = publish(order)
    assert path == order.folder / "20261123-100000-002a.zip"
    assert verify(path, replace(ASKED, strict=True)).exit_code == 0
    with zipfile.ZipFile(path) as archive:
        assert sorted(archive.namelist()) == ["manifest.json", "recordings.jsonl", "result.json", "scores.jsonl"]


def test_the_run_is_left_as_it_was(order: Order) -> None:
    before = sorted(path.name for path in order.run.iterdir())
    publish(order)
    assert sorted(path.name for path in order.run.iterdir()) == before


def test_the_same_run_makes_the_same_bytes(order: Order, tmp_path: Path) -> None:
    assert publish(order).read_bytes() == publish(replace(order, folder=tmp_path / "again")).read_bytes()


def test_a_published_bundle_is_never_written_over(order: Order) -> None:
    published = publish(order).read_bytes()
    with pytest.raises(RunError, match="is published already and is never edited"):
        publish(order)
    assert (order.folder / "20261123-100000-002a.zip").read_bytes() == published


def test_a_correction_names_the_old_bundle_and_the_reason(order: Order) -> None:
    old = publish(order)
    new = publish(replace(order, supersedes=old, reason=REASON))
    assert new.name == "20261123-100000-002a.2.zip"
    notes = [one.text for report in verify(new, ASKED).levels for one in report.findings if one.severity == "note"]
    assert notes == [f"supersedes the bundle with manifest {manifest_digest(old)}: {REASON}"]


def test_a_correction_without_a_reason_or_of_no_bundle_is_refused(order: Order) -> None:
    old = publish(order)
    with pytest.raises(RunError, match="--reason"):
        publish(replace(order, supersedes=old))
    with pytest.raises(RunError, match="not a published bundle"):
        publish(replace(order, supersedes=order.run / "result.json", reason=REASON))


def test_a_signed_bundle_tells_whose_key_signed_it(order: Order, key: Path, tmp_path: Path) -> None:
    path = publish(replace(order, key=key))
    public = key.with_suffix(".pub").read_text()
    signers = tmp_path / "signers"
    signers.write_text(f"ada@example.org {public}")
    named, unnamed = verify(path, replace(ASKED, signers=signers)), verify(path, ASKED)
    assert (named.exit_code, unnamed.exit_code) == (0, 0)
    assert "(ada@example.org)" in named.levels[2].findings[0].text
    assert "says nothing of its truth" in named.levels[2].findings[0].text
    assert "whose it is nobody says here" in unnamed.levels[2].findings[0].text


def test_a_signature_of_other_bytes_or_for_another_purpose_is_none(key: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"signed")
    subprocess.run(
        ["ssh-keygen", "-Y", "sign", "-n", "git", "-f", str(key), str(file)], check=True, capture_output=True
    )
    signature = (tmp_path / "file.sig").read_bytes()
    assert signer_of(b"signed", signature) is None
    assert signer_of(b"signed", b"no signature") is None


def test_a_key_that_is_none_is_told(order: Order, tmp_path: Path) -> None:
    (tmp_path / "no-key").write_text("nothing")
    with pytest.raises(LanebenchError, match="cannot sign"):
        publish(replace(order, key=tmp_path / "no-key"))
    assert not order.folder.exists() or not list(order.folder.iterdir())


def test_a_run_that_verify_finds_at_fault_is_not_published(order: Order) -> None:
    bundle = good_bundle()
    bundle.result["cells"][0]["pass_rate"]["low"] = 0.99
    (order.run / "result.json").write_text(texts_of(bundle)["result.json"])
    with pytest.raises(CheckError, match=r"\[cells\]"):
        publish(order)


def test_a_run_that_is_not_finished_is_not_published(order: Order) -> None:
    (order.run / "scores.jsonl").unlink()
    with pytest.raises(RunError, match=r"scores\.jsonl is not there"):
        publish(order)


def _refused(bundle: Bundle, owner: Owner = NOBODY) -> list[str]:
    recordings = ((at, build(Recording, document)) for at, document in enumerate(bundle.recordings, 1))
    return refusals(build(Result, bundle.result), bundle.result, recordings, owner)


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
    "dirty kit": (lambda b: _set(b, "result", "kit", "dirty", value=True), "in no commit"),
    "no trials": (lambda b: _set(b, "result", "trials", value=[]), "no trials"),
    "private files": (
        lambda b: _set(b, "result", "tasks", 0, "private_includes", value=["ab12"]),
        "private files",
    ),
    "another host": (
        lambda b: _set(b, "recordings", 3, "url", value="http://studio.lan:8080/v1/chat/completions"),
        "studio.lan",
    ),
    "home of the owner": (lambda b: _reply(b, "see /home/nobody-here/x"), "your home folder"),
    "somebody's home": (
        lambda b: _set(b, "result", "models", 0, "model", value="/Users/ada/models/alpha.gguf"),
        "/Users/ada",
    ),
    "windows home": (lambda b: _set(b, "result", "models", 0, "model", value="C:\\Users\\ada\\m"), "somebody's home"),
    "host name": (lambda b: _set(b, "result", "host", "chip", value="a-host-of-mine"), "this machine's name"),
    "host name in a header": (
        lambda b: _set(b, "recordings", 3, "headers", value={"server": "x on a-host-of-mine"}),
        "this machine's name",
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
    change, told = MISLEADING[name]
    bundle = good_bundle()
    change(bundle)
    found = _refused(bundle)
    assert len(found) == 1
    assert told in found[0]


def test_every_reason_is_told_at_once() -> None:
    bundle = good_bundle()
    for name in ("simulated", "dirty kit", "another host", "a key in a reply"):
        MISLEADING[name][0](bundle)
    assert len(_refused(bundle)) == 4


def test_a_sound_run_has_nothing_to_refuse() -> None:
    assert _refused(good_bundle()) == []


def test_what_a_model_writes_by_chance_is_not_taken_for_its_owners() -> None:
    bundle = good_bundle()
    _reply(bundle, "open('/home/user/data.txt') or /Users/someone/x on a-host-of-mine")
    assert _refused(bundle) == []


def test_the_kits_own_prompts_hold_nothing_that_looks_like_a_key() -> None:
    from harness.bundle.refusals import _KEYS

    texts = [
        path.read_text(encoding="utf-8", errors="replace") for path in find_fixtures().rglob("*") if path.is_file()
    ]
    assert [found.group() for text in texts if (found := re.search(_KEYS, text))] == []


def test_the_owner_is_known_from_the_machine_and_the_plans_key_variables() -> None:
    plan = run_plan()
    keyed = replace(plan, models=(replace(plan.models[0], key_env="MY_KEY"),))
    owner = owner_here(keyed, {**os.environ, "MY_KEY": "value"})
    assert owner.secrets == ("value",)
    assert owner.home == str(Path.home())
    assert owner_here(None).secrets == ()


def test_every_eval_ever_gets_a_document_a_model_and_a_row_a_trial(order: Order, tmp_path: Path) -> None:
    result = build(Result, good_bundle().result)
    paths = write_eee(result, tmp_path / "eee")
    assert [path.name for path in paths] == ["20261123-100000-002a-alpha.json", "20261123-100000-002a-beta.json"]
    document = json.loads(paths[1].read_text())
    detailed = document["detailed_evaluation_results"]
    rows = (tmp_path / "eee" / detailed["file_path"]).read_text()
    assert detailed["checksum"] == sha256_of(rows)
    assert detailed["total_rows"] == len(rows.splitlines()) == 3
    score = document["evaluation_results"][0]["score_details"]
    assert score["score"] == pytest.approx(2 / 3)
    assert score["details"] == {"passed": "2", "trials": "3", "outcome_failed": "1", "outcome_passed": "2"}
    assert score["uncertainty"]["num_samples"] == 3


def test_every_eval_ever_takes_strings_only_in_its_maps_and_scores_within_bounds() -> None:
    for _, document, _, _ in eee_documents(build(Result, good_bundle().result)):
        required = {"schema_version", "evaluation_id", "retrieved_timestamp", "source_metadata", "model_info"}
        assert required | {"eval_library", "evaluation_results"} <= set(document)
        assert all(type(value) is str for value in document["model_info"]["additional_details"].values())
        assert document["retrieved_timestamp"].isdecimal()
        for one in document["evaluation_results"]:
            assert all(type(value) is str for value in one["score_details"]["details"].values())
            assert 0 <= one["score_details"]["score"] <= 1


def test_a_model_that_was_asked_nothing_right_or_wrong_has_no_document() -> None:
    bundle = good_bundle()
    bundle.result["trials"] = [one for one in bundle.result["trials"] if one["task"] == "speed-small"]
    bundle.result["tasks"] = [one for one in bundle.result["tasks"] if one["name"] == "speed-small"]
    assert list(eee_documents(build(Result, summarized(bundle).result))) == []


def test_the_command_makes_the_bundle_and_the_other_form(
    order: Order, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import argparse

    parser = argparse.ArgumentParser()
    options(parser)
    out = tmp_path / "published"
    assert run(parser.parse_args([str(order.run), "--output", str(out), "--eee"])) == 0
    assert capsys.readouterr().out.strip() == str(out / "20261123-100000-002a.zip")
    assert len(list((out / "20261123-100000-002a.eee").iterdir())) == 4
