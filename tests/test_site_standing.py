"""Where a result stands among others: only the same model, settings and tasks count, and a claim needs its interval."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from harness.cli import main
from harness.collection import open_site
from harness.errors import RunError
from harness.files import build
from harness.site import place_result
from harness.site.rows import MAX_CELLS, MachineClass, read_models
from harness.site.standing import Contender, StandingCell, by_key, standing
from harness.types import Result
from tests.bundle import bundle_with, good_bundle, later, write_bundle, write_run

MISSING = "no data of a site of this version of Lanebench, it lacks chip"
NO_OTHER = "no other result has this model with comparable settings on the same tasks."
Cell = tuple[int, int, float]
"""Passed, n, decode rate."""


def _contender(run: str, cells: Sequence[Cell], model: str = "qwen", comparable: str = "k") -> Contender:
    found = {f"task-{at}": StandingCell(passed, n, True, speed) for at, (passed, n, speed) in enumerate(cells)}
    return Contender(run, MachineClass("Apple M4 Pro", 48), model, model, comparable, found)


def _place(own: Contender, others: Sequence[Contender]) -> str | None:
    return standing(own, by_key([own, *others]).get(own.key, ()))


def test_a_faster_machine_is_told_with_the_interval_and_how_many_it_beats() -> None:
    own = _contender("own", [(at % 2 + 4, 10, 112.0) for at in range(6)])
    others = [_contender(f"r{at}", [(5, 10, 95.0 + at)] * 6) for at in range(11)]
    assert _place(own, others) == (
        "qwen on Apple M4 Pro, 48 GB: decodes 12 % faster than the median of 11 other results (8 % to 17 %), faster "
        "than 11 of them; its pass rate can't be told from theirs (mean of 6 tasks: 45 % of 60 trials, theirs 50 % of "
        "660 trials; difference -11 to +1 points)."
    )


def test_a_machine_in_the_middle_of_the_others_is_told_from_none() -> None:
    own = _contender("own", [(5, 10, 100.0)])
    others = [_contender(f"r{at}", [(5, 10, 70.0 + 10 * at)]) for at in range(7)]
    said = _place(own, others)
    assert said is not None
    assert "its decode rate can't be told from the median of 7 other results" in said
    assert "on too few tasks for an interval" in said


def test_a_worse_pass_rate_is_told() -> None:
    own = _contender("own", [(at % 2, 10, 100.0) for at in range(8)])
    others = [_contender(f"r{at}", [(8, 10, 100.0)] * 8) for at in range(3)]
    said = _place(own, others)
    assert said is not None
    assert "its pass rate is worse than theirs by 75 points" in said


def test_the_settings_of_one_run_are_one_result() -> None:
    own = _contender("own", [(5, 10, 100.0)])
    settings = [replace(_contender("r", [(5, 10, speed)]), label=f"r{speed}") for speed in (40.0, 50.0, 62.5)]
    said = _place(own, settings)
    assert said is not None
    assert "decodes 100 % faster than the one other result;" in said
    many = [replace(each, run=f"r{number}") for number in range(5) for each in settings]
    said = _place(own, many)
    assert said is not None
    assert "decodes 100 % faster than the median of 5 other results, faster than 5 of them" in said


def test_the_pass_rate_counts_each_run_once_however_many_settings_it_has() -> None:
    own = _contender("own", [(3, 3, 100.0)])
    settings = [replace(_contender("r", [(0, 3, 100.0)]), label=f"r{at}") for at in range(6)]
    said = _place(own, [*settings, _contender("s", [(3, 3, 100.0)])])
    assert said is not None
    assert "100 % of 3 trials, theirs 50 % of 21 trials solved, each run counted once" in said


def test_equal_speeds_are_called_so_and_not_undecided() -> None:
    said = _place(_contender("own", [(5, 10, 100.0)]), [_contender(f"r{at}", [(5, 10, 100.0)]) for at in range(12)])
    assert said is not None
    assert "decodes about as fast as the median of 12 other results (+0 % to +0 %)" in said


def test_another_quantization_is_named() -> None:
    own = replace(_contender("own", [(5, 10, 100.0)]), quantization="F16")
    others = [
        replace(_contender(f"r{at}", [(5, 10, 100.0)]), quantization=name) for at, name in enumerate(["Q2_K"] * 9)
    ]
    said = _place(own, others)
    assert said is not None
    assert said.endswith("; its quantization is F16, theirs Q2_K.")
    assert "quantization" not in (_place(own, [replace(each, quantization="F16") for each in others]) or "")
    mixed = [replace(each, quantization=name) for each, name in zip(others, [*"abcde", None, "F16"], strict=False)]
    assert (_place(own, mixed) or "").endswith("; its quantization is F16, theirs F16, a, b and 4 more.")


@pytest.mark.parametrize(
    "other",
    [
        _contender("r", [(1, 1, 1.0)], model="llama"),
        _contender("r", [(1, 1, 1.0)], comparable="thinking"),
        _contender("own", [(1, 1, 1.0)]),
        Contender("r", MachineClass("M4", 48), "qwen", "qwen", "k", {"another task": StandingCell(1, 1, True, 1.0)}),
    ],
)
def test_what_is_not_comparable_does_not_count(other: Contender) -> None:
    assert _place(_contender("own", [(5, 10, 100.0)]), [other]) is None


def test_a_result_is_placed_among_a_folder_and_among_its_site(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(2):
        write_bundle(tmp_path / "bundles" / f"b{number}", later(good_bundle(), number))
    main(["site", str(tmp_path / "bundles"), "--out", str(tmp_path / "site")])
    capsys.readouterr()
    said = []
    for others in (tmp_path / "bundles", tmp_path / "site" / "site.parquet"):
        assert main(["compare", str(tmp_path / "bundles" / "b0"), "--against", str(others)]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]
    assert "alpha on Apple M4 Max, 64 GB: decodes about as fast as the one other result (+0 %)" in said[0]
    assert "beta on" in said[0]


def test_the_page_of_a_result_says_where_it_stands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(2):
        write_bundle(tmp_path / "bundles" / f"b{number}", later(good_bundle(), number))
    command = ["report", str(tmp_path / "bundles" / "b0"), "--against", str(tmp_path / "bundles")]
    assert main([*command, "--format", "html"]) == 0
    page = capsys.readouterr().out
    assert '<details class="section" id="section-standing" open>' in page
    assert "alpha on Apple M4 Max, 64 GB: decodes about as fast as the one other result" in page
    assert main(command) != 0
    assert "--format html" in capsys.readouterr().err


def test_a_published_run_says_in_its_page_where_it_stands(tmp_path: Path) -> None:
    write_bundle(tmp_path / "published" / "other", later(good_bundle(), 1))
    write_run(tmp_path / "run", good_bundle())
    assert main(["publish", str(tmp_path / "run"), "--output", str(tmp_path / "published")]) == 0
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "decodes about as fast as the one other result" in page


@pytest.fixture(scope="module")
def site_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of a site of two results."""
    path = tmp_path_factory.mktemp("site")
    for number in range(2):
        write_bundle(path / "bundles" / f"b{number}", later(good_bundle(), number))
    main(["site", str(path / "bundles"), "--out", str(path / "site")])
    return path / "site" / "site.parquet"


@pytest.mark.parametrize(
    "forged",
    [
        "model = NULL",
        "passed = NULL",
        "passed = 99",
        "n = -5, passed = -5",
        "decode_tps = '-inf'",
        "decode_tps = 'inf'",
        "decode_tps = 'nan'",
        "decode_tps = -1",
        "decode_tps = 1e308",
        "label = NULL",
    ],
)
def test_a_row_that_no_build_writes_does_not_count(forged: str, site_data: Path, tmp_path: Path) -> None:
    own = build(Result, good_bundle().result)
    told = []
    for statement in ("", f"UPDATE t SET {forged}", f"UPDATE t SET {forged} WHERE label = 'alpha'"):
        with duckdb.connect() as connection:
            connection.execute(f"CREATE TABLE t AS FROM '{site_data}'")
            connection.execute(statement or "SELECT 1")
            connection.execute(f"COPY t TO '{tmp_path}/forged.parquet' (FORMAT parquet)")
        with open_site(tmp_path / "forged.parquet") as database:
            told.append(place_result(own, database))
    sound, without, half = told
    assert sound[0].startswith("alpha on Apple M4 Max, 64 GB: decodes about as fast as the one other result")
    assert without == [f"{name}: {NO_OTHER}" for name in ("alpha", "beta")]
    assert half == [without[0], sound[1]]


def test_a_value_of_another_type_costs_its_row_and_not_the_file(site_data: Path, tmp_path: Path) -> None:
    path = tmp_path / "forged.parquet"
    columns = "* REPLACE (if(label = 'alpha', 'abc', passed::VARCHAR) AS passed, [started_at] AS started_at)"
    duckdb.sql(f"COPY (SELECT {columns} FROM '{site_data}') TO '{path}' (FORMAT parquet)")
    with open_site(path) as database:
        assert {row.label for row in read_models(database)} == {"beta"}


def test_a_file_of_very_many_results_is_read_up_to_a_bound(site_data: Path, tmp_path: Path) -> None:
    path = tmp_path / "forged.parquet"
    row = f"SELECT * FROM '{site_data}' WHERE kind = 'cell' AND label = 'alpha' LIMIT 1"
    many = f"SELECT * REPLACE (i::VARCHAR AS bundle, i::VARCHAR AS run) FROM ({row}), range({MAX_CELLS + 1}) t(i)"
    duckdb.sql(f"COPY (SELECT * EXCLUDE (i) FROM ({many})) TO '{path}' (FORMAT parquet)")
    with open_site(path) as database:
        said = place_result(build(Result, good_bundle().result), database)
    assert f"the median of {MAX_CELLS} other results" in said[0]
    assert said[-1] == "Only the newest 20,000 cells of these models count; there are more."


@pytest.mark.parametrize("option", [("--fail-if", "worse"), ("--baseline", "x"), ("--pair", "x=y")])
def test_options_of_a_comparison_with_a_baseline_are_refused_among_many(
    option: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", str(tmp_path / "b0"), "--against", str(tmp_path), *option]) == 7
    assert f"--against compares with no baseline: {option[0]} cannot" in capsys.readouterr().err


def test_a_decode_rate_that_no_model_has_leaves_the_rest_of_its_row(site_data: Path, tmp_path: Path) -> None:
    forged = tmp_path / "forged.parquet"
    columns = "* REPLACE (5e-324::DOUBLE AS decode_tps)"
    duckdb.sql(f"COPY (SELECT {columns} FROM '{site_data}') TO '{forged}' (FORMAT parquet)")
    with open_site(forged) as database:
        assert [row.decode_tps for row in read_models(database)] == [None] * 4
        (said, _) = place_result(build(Result, good_bundle().result), database)
    assert "decodes" not in said
    assert "100 % of 3 trials, theirs 100 % of 3 trials solved" in said


def test_a_model_with_a_long_name_is_found_among_the_others(tmp_path: Path) -> None:
    name = "/models/" + "long-folder/" * 9 + "m.gguf"
    bundle, _ = bundle_with(model=name)
    write_bundle(tmp_path / "bundles" / "b0", later(bundle, 1))
    main(["site", str(tmp_path / "bundles"), "--out", str(tmp_path / "site")])
    with open_site(tmp_path / "site" / "site.parquet") as database:
        (said, _) = place_result(build(Result, bundle.result), database)
    assert "decodes about as fast as the one other result" in said


def test_another_parquet_file_is_no_site(tmp_path: Path) -> None:
    forged = tmp_path / "site.parquet"
    duckdb.sql(f"COPY (SELECT 'cell' AS kind, 'x' AS bundle) TO '{forged}' (FORMAT parquet)")
    with open_site(forged) as database, pytest.raises(RunError, match=MISSING):
        read_models(database)
    with open_site(forged) as database, pytest.raises(RunError, match=MISSING):
        place_result(build(Result, good_bundle().result), database)
    forged.write_bytes(b"PAR1 and no more")
    with pytest.raises(RunError, match="cannot be read as tables"), open_site(forged):
        pass
