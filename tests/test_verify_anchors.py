"""Anchors in time: stamped by a real authority on this machine, checked by its root; without one nothing changes."""

import base64
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from harness.anchors import InvalidTimestampError, read_beacon, read_timestamp, request_timestamp
from harness.bundle import ReadLimits, SourceReader, open_source
from harness.cluster import ThreadScorer
from harness.config import Config
from harness.demo import serve
from harness.errors import ServerError, UncheckedError
from harness.files import build, read_lines
from harness.run import Link
from harness.run.folder import RunFolder
from harness.run.pipeline import build_result, score_run, start_run, write_result
from harness.run.recorder import record_run
from harness.tasks import find_fixtures
from harness.types import Finding, Json, LogEntry, Result, RunSettings
from harness.verify import VerifyOptions, verify
from harness.verify.anchors import check_anchors
from harness.verify.evidence import Evidence
from tests.bundle import TrustingSandbox, good_bundle, tasks, write_bundle
from tests.time_authority import TimeAuthority, make_root, serve_time_authority

DIGEST, OTHER_DIGEST = "ab" * 32, "cd" * 32
ROUND = f"31000000:{'5a' * 32}"
NOWHERE = "http://127.0.0.1:9/tsr"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TimeAuthority]:
    with serve_time_authority(tmp_path_factory.mktemp("authority")) as running:
        yield running


def _recorded(here: Path, **settings: Json) -> tuple[RunFolder, list[str]]:
    """A run of one task that is only timed, recorded, scored and summarized; and what it logged."""
    task, lines = tasks()["speed-small"], list[str]()
    with serve([task]) as demo:
        config = Config(
            RunSettings(tasks=(task.name,), trials=2, warmups=0, idle_s=0.0, seed=7, **settings), demo.models[:1]
        )
        folder = start_run(here, config, [task], simulated=True)
        assert record_run(folder, [task], demo.models[:1], lambda *_: None, lines.append) == []
    score_run(folder, [task], ThreadScorer(TrustingSandbox()), lambda *_: None)
    write_result(folder, build_result(folder))
    return folder, lines


def _events(folder: RunFolder) -> list[str]:
    return [entry["event"] for _, entry in read_lines(folder.log_path)]


def _verified(path: Path, roots: Path | None = None) -> tuple[str, list[Finding]]:
    verdict = verify(path, VerifyOptions("reread", tasks=tasks(), tsa_roots=roots))
    findings = [finding for report in verdict.levels for finding in report.findings if finding.check == "anchors"]
    return verdict.levels[3].state, findings


def test_a_stamp_is_read_with_and_without_the_root_of_its_authority(authority: TimeAuthority, tmp_path: Path) -> None:
    token = request_timestamp(authority.url, DIGEST)
    trusted, untrusted = read_timestamp(token, DIGEST, authority.root), read_timestamp(token, DIGEST)
    assert (trusted.trusted, untrusted.trusted) == (True, False)
    assert abs(trusted.time - datetime.now(UTC)) < timedelta(seconds=60)
    with pytest.raises(InvalidTimestampError, match="stamps something else"):
        read_timestamp(token, OTHER_DIGEST)
    with pytest.raises(InvalidTimestampError, match="not signed by an authority"):
        read_timestamp(token, DIGEST, make_root(tmp_path))
    with pytest.raises(UncheckedError, match="no certificates in PEM"):
        read_timestamp(token, DIGEST, tmp_path / "missing.pem")


def test_openssl_verifies_a_stamp_as_well(authority: TimeAuthority, tmp_path: Path) -> None:
    (tmp_path / "reply").write_bytes(base64.b64decode(request_timestamp(authority.url, DIGEST)))
    (tmp_path / "digest").write_text(DIGEST)
    words = ["openssl", "ts", "-verify", "-data", "digest", "-in", "reply", "-CAfile", str(authority.root)]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "Verification: OK" in done.stdout + done.stderr


def test_an_authority_whose_certificates_the_library_refuses_stamps_without_them(tmp_path: Path) -> None:
    with serve_time_authority(tmp_path, adds_chain=True) as running:
        token = request_timestamp(running.url, DIGEST)
    both = tmp_path / "both.pem"
    both.write_bytes(running.root.read_bytes() + (tmp_path / "tsa.pem").read_bytes())
    assert read_timestamp(token, DIGEST, both).trusted
    with pytest.raises(InvalidTimestampError, match="it brings no certificate"):
        read_timestamp(token, DIGEST, running.root)


@pytest.mark.parametrize("moment", [b"00001128120000Z", b"20261301000000Z", b"20260230000000Z"])
def test_a_stamp_of_no_time_in_the_calendar_is_refused(moment: bytes, authority: TimeAuthority) -> None:
    data = base64.b64decode(request_timestamp(authority.url, DIGEST))
    found = re.search(rb"20\d{12}Z", data)
    assert found is not None
    token = base64.b64encode(data.replace(found[0], moment)).decode()
    with pytest.raises(InvalidTimestampError):
        read_timestamp(token, DIGEST)
    (finding,) = check_anchors(_evidence(), [_anchor(token, DIGEST, 5)])
    assert finding.message.startswith("the time stamp is invalid: ")


@pytest.mark.parametrize("token", ["", "AAAA", base64.b64encode(b"\x30\x03\x02\x01\x00").decode(), "not base64"])
def test_what_is_no_stamp_is_refused(token: str) -> None:
    with pytest.raises(InvalidTimestampError):
        read_timestamp(token, DIGEST)


def test_without_the_library_a_stamp_is_left_unchecked_and_none_is_requested() -> None:
    program = (
        "import sys; sys.modules['rfc3161_client'] = None\n"
        "from harness.anchors import read_timestamp, request_timestamp\n"
        "from harness.errors import UncheckedError\n"
        "for ask in (lambda: read_timestamp('AAAA', 'ab'), lambda: request_timestamp('http://127.0.0.1:9', 'ab')):\n"
        "    try: ask()\n"
        "    except UncheckedError as error: print(error.message, error.fix)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    line = "time stamps need the library rfc3161-client install the library with `pip install 'lanebench[anchor]'`"
    assert done.stdout.splitlines() == [line, line]


def test_an_authority_that_does_not_answer_is_a_server_error() -> None:
    with pytest.raises(ServerError, match="does not answer"):
        request_timestamp(NOWHERE, DIGEST)


def test_a_run_is_stamped_before_its_first_and_after_its_last_trial(authority: TimeAuthority, tmp_path: Path) -> None:
    folder, _ = _recorded(tmp_path, anchor=authority.url, beacon=ROUND)
    assert _events(folder) == ["start", "anchor", "anchor", "stop", "start", "stop"]
    state, (beacon, stamped) = _verified(folder.path, authority.root)
    assert (state, beacon.severity, stamped.severity) == ("reached", "info", "info")
    assert "the nonces were made after 2026-08-04 00:29:24 (UTC)" in beacon.message
    assert "/public/31000000 gives the randomness 5a5a" in beacon.message
    assert "stamped by an authority that you trust: the plan existed before 20" in stamped.message
    assert "all that was recorded until the last stamp before 20" in stamped.message
    assert "it does not prove that nothing was left out" in stamped.message
    state, (_, stamped) = _verified(folder.path)
    assert state == "reached"
    assert "whose certificate you did not give" in stamped.message
    state, findings = _verified(folder.path, make_root(tmp_path))
    assert state == "failed"
    assert {finding.severity for finding in findings if "invalid" in finding.message} == {"error"}


def test_without_an_answer_the_run_goes_on_and_is_sound(tmp_path: Path) -> None:
    folder, lines = _recorded(tmp_path, anchor=NOWHERE)
    assert _events(folder) == ["start", "stop", "start", "stop"]
    assert sum(line.startswith("NOT stamped, the run goes on") for line in lines) == 2
    assert _verified(folder.path) == ("reached", [])


def test_another_round_than_the_nonces_were_made_of_is_found(tmp_path: Path) -> None:
    folder, _ = _recorded(tmp_path, beacon=ROUND)
    result = build_result(folder)
    write_result(folder, replace(result, run=replace(result.run, beacon=ROUND.replace("5a", "5b"))))
    verdict = verify(folder.path, VerifyOptions("reread", tasks=tasks()))
    assert "requests" in {finding.check for finding in verdict.levels[3].findings}


def _evidence() -> Evidence:
    source, _ = open_source(find_fixtures(), ReadLimits())
    assert source is not None
    return Evidence(SourceReader("source", source, ReadLimits()), {}, build(Result, good_bundle().result))


def _anchor(token: str, previous: str, clock_s: int) -> Link:
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    return Link("log", previous, "", LogEntry("anchor", "record", at, clock_s * 10**9, "boot", token=token))


def test_a_stamp_of_another_line_is_found(authority: TimeAuthority) -> None:
    (finding,) = check_anchors(_evidence(), [_anchor(request_timestamp(authority.url, DIGEST), OTHER_DIGEST, 5)])
    assert (finding.check, finding.severity) == ("anchors", "error")
    assert finding.message == "the time stamp is invalid: stamps something else"


def test_a_clock_that_passed_more_time_than_the_authoritys_is_found(authority: TimeAuthority) -> None:
    stamps = [request_timestamp(authority.url, digest) for digest in (DIGEST, OTHER_DIGEST)]
    links = [_anchor(stamps[0], DIGEST, 10), _anchor(stamps[1], OTHER_DIGEST, 3700)]
    errors = [finding.message for finding in check_anchors(_evidence(), links) if finding.severity == "error"]
    assert errors == [errors[0]]
    assert errors[0].startswith("1:01:30 passed by the machine's clock since the anchor before")


def test_the_time_of_a_round_follows_from_its_number() -> None:
    beacon = read_beacon(f"1:{'0' * 64}")
    assert beacon.published == datetime(2023, 8, 23, 15, 9, 27, tzinfo=UTC)
    assert read_beacon(f"1201:{'0' * 64}").published - beacon.published == timedelta(hours=1)


def test_a_run_without_time_stamps_says_so_where_authorities_are_given(tmp_path: Path) -> None:
    path = write_bundle(tmp_path / "bundle", good_bundle())
    roots = tmp_path / "roots.pem"
    report = verify(path, VerifyOptions("reread", tasks=tasks(), tsa_roots=roots)).levels[3]
    (note,) = [finding for finding in report.findings if finding.check == "anchors"]
    assert (report.state, note.severity) == ("reached", "info")
    assert note.message == f"has no time stamp, so that there is nothing to be confirmed by {roots}"
