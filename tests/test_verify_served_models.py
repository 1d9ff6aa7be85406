"""Who answered, by the responses: one model and one host for each contender, another model for each id."""

import base64
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.types import Finding, Json
from harness.verify import VerifyOptions, verify
from tests.bundle import good_bundle, summarized, tasks, write_bundle

HOST = "http://192.168.7.9:8080/v1/chat/completions"


def _findings(edit: Callable[[Json], None], folder: Path) -> list[Finding]:
    """What the check finds in a bundle of which `edit` changed each recording."""
    bundle = good_bundle()
    for recording in bundle.recordings:
        edit(recording)
    verdict = verify(write_bundle(folder / "bundle", summarized(bundle)), VerifyOptions("reread", tasks=tasks()))
    return [finding for report in verdict.levels for finding in report.findings if finding.check == "served-models"]


def _report(recording: Json, name: str) -> None:
    """Let a response report another model, which was `served`."""
    for chunk in recording["chunks"]:
        data = base64.b64decode(chunk["data"]).replace(b'"model": "served"', b'"model": "%s"' % name.encode())
        chunk["data"] = base64.b64encode(data).decode()


def test_a_model_whose_responses_report_several_models_is_a_warning(tmp_path: Path) -> None:
    def cloud(recording: Json) -> None:
        if recording["key"]["model"] == "alpha" and recording["key"]["trial"] == 1:
            _report(recording, "gpt-5-cloud")

    (finding,) = _findings(cloud, tmp_path)
    assert finding.severity == "warning"
    assert finding.message == "alpha: its responses report several models: served, gpt-5-cloud"


def test_one_server_that_reports_the_same_model_for_two_ids_is_a_warning(tmp_path: Path) -> None:
    def one_server(recording: Json) -> None:
        recording["url"] = recording["url"].replace(":8000", ":8080")

    (finding,) = _findings(one_server, tmp_path)
    assert finding.severity == "warning"
    assert finding.message.startswith("alpha, beta are models of different ids on one server, which reports served")


@pytest.mark.parametrize("name", ["/models/alpha-14b.Q4_K_M.gguf", "alpha-2026-11-01", "keepalive"])
def test_a_path_an_alias_or_no_name_at_all_is_no_finding(name: str, tmp_path: Path) -> None:
    assert _findings(lambda recording: _report(recording, name), tmp_path) == []


def test_two_ids_on_one_server_that_reports_each_of_them_are_no_finding(tmp_path: Path) -> None:
    def one_server(recording: Json) -> None:
        recording["url"] = recording["url"].replace(":8000", ":8080")
        _report(recording, recording["request"]["model"])

    assert _findings(one_server, tmp_path) == []


def test_keepalive_chunks_name_no_model(tmp_path: Path) -> None:
    alive = base64.b64encode(
        b'data: {"model": "keepalive", "choices": [{"delta": {"role": "assistant"}}]}\n\n'
    ).decode()

    def begin(recording: Json) -> None:
        if recording["key"]["trial"] == 1:
            recording["chunks"].insert(0, {**recording["chunks"][0], "data": alive})

    assert _findings(begin, tmp_path) == []


def test_an_agent_that_asks_for_a_second_model_is_no_finding(tmp_path: Path) -> None:
    def small(recording: Json) -> None:
        if recording["key"]["trial"] == 1:
            recording["request"]["model"] = "for-titles"
            _report(recording, "small")

    assert _findings(small, tmp_path) == []


def test_a_host_that_changes_is_a_warning_and_another_machine_a_note(tmp_path: Path) -> None:
    def sometimes(recording: Json) -> None:
        if recording["key"]["model"] == "alpha" and recording["key"]["trial"] == 1:
            recording["url"] = HOST

    def always(recording: Json) -> None:
        recording["url"] = HOST.replace("8080", "8080" if recording["key"]["model"] == "alpha" else "8000")

    (changed,), (elsewhere,) = _findings(sometimes, tmp_path / "sometimes"), _findings(always, tmp_path / "always")
    assert (changed.severity, elsewhere.severity) == ("warning", "info")
    assert changed.message == "alpha: its requests went to several hosts: this machine, 192.168.7.9"
    assert elsewhere.message.endswith(": 192.168.7.9")


def test_another_port_or_spelling_of_this_machine_is_no_finding(tmp_path: Path) -> None:
    def again(recording: Json) -> None:
        if recording["key"]["trial"] == 1:
            recording["url"] = recording["url"].replace("127.0.0.1:80", "localhost:90")

    assert _findings(again, tmp_path) == []
