"""Runs of several machines as one report: every number stands by machine and model, and none is pooled."""

from pathlib import Path

import duckdb
import pytest

from harness.cli import main
from harness.collection import open_site
from harness.site import merged_report
from tests.bundle import good_bundle, later, summarized, write_bundle


@pytest.fixture
def runs(tmp_path: Path) -> list[str]:
    """The same models on two machines."""
    other = later(good_bundle(), 1)
    other.result["host"] |= {"chip": "Apple M3 Ultra", "memory_bytes": 96 * 2**30}
    written = [write_bundle(tmp_path / "a", good_bundle()), write_bundle(tmp_path / "b", summarized(other))]
    return list(map(str, written))


def test_runs_of_two_machines_make_one_report(runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["merge", *runs, "--format", "github"]) == 0
    said = capsys.readouterr().out
    header = next(line for line in said.splitlines() if line.startswith("| task"))
    columns = [column.strip() for column in header.strip("|").split("|")]
    assert columns == ["task", *(f"{name} on {each}" for each in MACHINES for name in ("alpha", "beta"))]
    row = next(line for line in said.splitlines() if line.startswith("| code-bugfix"))
    assert [column.strip() for column in row.strip("|").split("|")][1:] == ["3 of 3", "2 of 3"] * 2
    assert "alpha on Apple M3 Ultra, 96 GB: decodes about as fast as the one other result" in said


MACHINES = ("Apple M3 Ultra, 96 GB", "Apple M4 Max, 64 GB")


def _row(said: str, *words: str) -> str:
    (row,) = (line for line in said.splitlines() if all(word in line for word in words))
    return row


def test_machines_that_differ_in_their_gpu_are_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for cores in (60, 80):
        bundle = later(good_bundle(), cores)
        bundle.result["host"] |= {"chip": "Apple M3 Ultra", "memory_bytes": 96 * 2**30, "gpu_cores": cores}
        write_bundle(tmp_path / f"m{cores}", summarized(bundle))
    assert main(["merge", str(tmp_path / "m60"), str(tmp_path / "m80"), "--format", "github"]) == 0
    said = capsys.readouterr().out
    for cores in (60, 80):
        assert _row(said, f"| Apple M3 Ultra, 96 GB, {cores} GPU cores", "alpha-14b", "9.00 GiB")
        assert _row(said, f"- alpha on Apple M3 Ultra, 96 GB, {cores} GPU cores: ")


def test_two_runs_of_one_machine_are_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(2):
        write_bundle(tmp_path / f"b{number}", later(good_bundle(), number))
    assert main(["merge", str(tmp_path / "b0"), str(tmp_path / "b1"), "--format", "github"]) == 0
    said = capsys.readouterr().out
    for run in ("20261123-100000-002a", "20261124-100000-002a"):
        assert _row(said, "alpha-14b", "9.00 GiB", f"| {run} |")
        assert _row(said, f"- alpha on Apple M4 Max, 64 GB ({run}): ")


def test_a_simulated_run_that_is_left_out_is_named(
    runs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    simulated = later(good_bundle(), 2)
    for part in (simulated.result["run"], *simulated.result["models"]):
        part["simulated"] = True
    left_out = str(write_bundle(tmp_path / "c", summarized(simulated)))
    assert main(["merge", *runs, left_out]) == 0
    assert f"{left_out}: left out, simulated models answered" in capsys.readouterr().err


def test_the_page_of_a_report_stands_alone(runs: list[str], tmp_path: Path) -> None:
    assert main(["merge", *runs, "--format", "html", "--output", str(tmp_path / "page.html")]) == 0
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert all(machine in page for machine in MACHINES)
    assert "href=" not in page.replace('href="#content"', "")


def test_a_run_that_fails_its_checks_ends_the_report(
    runs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forged = later(good_bundle(), 2)
    forged.result["cells"][0]["pass_rate"]["passed"] += 1
    write_bundle(tmp_path / "forged", forged)
    assert main(["merge", *runs, str(tmp_path / "forged")]) == 7
    said = capsys.readouterr()
    assert said.out == ""
    assert "pass_rate.passed" in said.err


@pytest.mark.parametrize(("forged", "count"), [("decode_tps = 1e-7", 4), ("passed = 99", 2)])
def test_a_row_that_no_build_writes_ends_no_report(forged: str, count: int, runs: list[str], tmp_path: Path) -> None:
    main(["site", *runs, "--out", str(tmp_path / "site")])
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE t AS FROM '{tmp_path}/site/site.parquet'")
        connection.execute(f"UPDATE t SET {forged} WHERE kind = 'model' AND chip = 'Apple M3 Ultra'")
        connection.execute(f"COPY t TO '{tmp_path}/forged.parquet' (FORMAT parquet)")
    with open_site(tmp_path / "forged.parquet") as database:
        answers, models, *_ = merged_report(database)
    assert all(answers.tables[0].headers)
    assert (len(answers.tables[0].rows), len(models.tables[0].rows)) == (count // 2, count)
