"""Many results as tables: the import refuses hostile sources, and a query reads the imported files and nothing else."""

import json
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from harness.bundle import manifest_digest
from harness.bundle.signing import sign
from harness.cli import main
from harness.collection import (
    Collection,
    Database,
    ImportRequest,
    ParquetWriter,
    QueryLimits,
    import_results,
    open_collection,
    open_database,
)
from harness.collection.selection import UNKNOWN_SIGNER, ImportedResult, ImportRecord, select_results
from harness.compare import comparison_key
from harness.compare.differences import run_differences
from harness.errors import DiskError, RunError
from harness.files import ROOT, build, to_json
from harness.types import AgentLimits, AgentWork, Json, Result, Sandbox
from harness.verify import VerifyOptions
from harness.verify.levels import OpenSandbox
from tests.bundle import (
    bundle_with,
    failing,
    good_bundle,
    later,
    summarized,
    tasks,
    trusting,
    write_bundle,
    write_result,
    write_run,
)


def _import(folder: Path, notes: list[str] | None = None) -> Collection:
    options = VerifyOptions("consistent", tasks=tasks())
    said = [] if notes is None else notes
    return import_results(ImportRequest([folder / "bundles"], folder / "cache", options, said.append))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three sound bundles, one with a forged count, and one that is no JSON."""
    path, bundle = tmp_path_factory.mktemp("collection"), good_bundle()
    for number in range(3):
        write_bundle(path / "bundles" / f"b{number}", later(bundle, number))
    forged = later(bundle, 4)
    forged.result["cells"][0]["pass_rate"]["passed"] += 1
    write_bundle(path / "bundles" / "forged", forged)
    (path / "bundles" / "broken").mkdir()
    (path / "bundles" / "broken" / "result.json").write_text('{"a": NaN}')
    return path


@pytest.fixture(scope="module")
def collection(folder: Path) -> Collection:
    return _import(folder)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret.csv"
    path.write_text("secret\n1\n")
    return path


def test_sound_results_are_imported_and_the_others_are_named(collection: Collection) -> None:
    assert [each.path.name for each in collection.results] == ["b0", "b1", "b2"]
    messages = "\n".join(problem.message for problem in collection.problems)
    assert "forged: result.json $.cells[0].pass_rate.passed" in messages
    assert "broken: result.json: not readable as JSON" in messages


def test_the_views_have_what_the_results_say(collection: Collection) -> None:
    with open_collection(collection) as database:
        rows = database.rows(
            "SELECT label, task, sum(passed::INT)::INT AS passed, count(*) AS n FROM trials WHERE NOT warmup "
            "GROUP BY ALL ORDER BY ALL"
        )
        cells = database.rows(
            "SELECT label, task, sum(passed)::INT AS passed, sum(n)::INT AS n FROM cells GROUP BY ALL ORDER BY ALL"
        )
        machines = database.rows("SELECT DISTINCT chip, level FROM machines")
    assert rows == cells
    assert {"label": "beta", "task": "code-bugfix", "passed": 6, "n": 9} in rows
    assert machines == [{"chip": "Apple M4 Max", "level": "consistent"}]


def test_a_second_import_reads_no_result(folder: Path, collection: Collection) -> None:
    records = {file: file.stat().st_mtime_ns for file in collection.folder.iterdir()}
    assert _import(folder) == collection
    assert {file: file.stat().st_mtime_ns for file in collection.folder.iterdir()} == records


def _forged_count(folder: Path) -> Path:
    forged = good_bundle()
    forged.result["cells"][0]["pass_rate"]["passed"] += 1
    return write_bundle(folder, forged)


def test_a_refused_source_is_named_by_its_present_path(tmp_path: Path) -> None:
    first = _forged_count(tmp_path / "bundles" / "first")
    (problem,) = _import(tmp_path).problems
    assert problem.message.startswith(f"{first}: result.json $.cells[0]")
    shutil.copytree(first, first.with_name("copy"))
    first.rename(first.with_name("renamed"))
    found = _import(tmp_path)
    assert [each.message.replace(str(first.parent), "") for each in found.problems] == [
        problem.message.replace(str(first), f"/{name}") for name in ("copy", "renamed")
    ]
    assert found.refused == 2


def test_a_refused_archive_counts_once_however_many_problems_it_has(tmp_path: Path) -> None:
    (tmp_path / "bundles").mkdir()
    with zipfile.ZipFile(tmp_path / "bundles" / "a.zip", "w") as archive:
        for name in ("../a", "../b"):
            archive.writestr(name, "")
    found = _import(tmp_path)
    path = tmp_path / "bundles" / "a.zip"
    message = "the name leads out of the archive"
    assert [each.message for each in found.problems] == [f"{path}!../{name}: {message}" for name in "ab"]
    assert found.refused == 1


@pytest.mark.parametrize("value", ["5", "[]", '["a"]', '["a",5]', '["a","b","c"]', "null"])
def test_a_damaged_list_of_digests_is_made_again(value: str, tmp_path: Path) -> None:
    path = write_bundle(tmp_path / "bundles" / "b", good_bundle())
    found = _import(tmp_path)
    index = tmp_path / "cache" / "imports" / "digests.json"
    kept = index.read_text()
    index.write_text(f'{{"{path}":{value}}}')
    assert _import(tmp_path) == found
    assert index.read_text() == kept


@pytest.mark.parametrize("text", ["", "[]", '{"bundle": 5}', "{"])
def test_a_damaged_record_is_made_again(text: str, tmp_path: Path) -> None:
    write_bundle(tmp_path / "bundles" / "b", good_bundle())
    found = _import(tmp_path)
    (record,) = found.folder.glob("*.json")
    kept = record.read_text()
    record.write_text(text)
    assert _import(tmp_path) == found
    assert record.read_text() == kept


def test_the_level_is_the_one_that_was_reached_and_an_engine_that_was_missing_is_tried_again(tmp_path: Path) -> None:
    write_bundle(tmp_path / "b0", good_bundle())
    levels = []
    for level, sandbox in (("reread", None), ("rescored", None), ("rescored", trusting), ("rescored", None)):
        options = VerifyOptions(level, tasks=tasks(), open_sandbox=sandbox)
        collection = import_results(ImportRequest([tmp_path / "b0"], tmp_path / "cache", options))
        levels.append(collection.results[0].record.level)
    assert levels == ["reread", "reread", "rescored", "rescored"]


def test_a_changed_file_is_imported_again(tmp_path: Path) -> None:
    path = write_bundle(tmp_path / "bundles" / "b", good_bundle())
    assert not _import(tmp_path).problems
    text = (path / "scores.jsonl").read_text()
    (path / "scores.jsonl").write_text(text.replace("passed", "failed", 1))
    assert _import(tmp_path).problems


def test_the_folder_of_a_published_run_counts_once(tmp_path: Path) -> None:
    notes: list[str] = []
    write_bundle(tmp_path / "bundles" / "published", good_bundle())
    write_run(tmp_path / "bundles" / "folder", good_bundle())
    found = _import(tmp_path, notes)
    assert [each.path.name for each in found.results] == ["published"]
    assert "another copy of run 20261123-100000-002a" in notes[0]


@pytest.mark.parametrize(
    ("run", "signer", "kept"),
    [("r", "key", ["new"]), ("r", None, ["old"]), ("r", "other", ["old"]), ("s", "key", ["new", "old"])],
)
def test_a_correction_counts_only_for_its_own_run_and_by_the_same_key(
    run: str, signer: str | None, kept: list[str]
) -> None:
    old = ImportRecord("1", run="r", result_sha256="a", manifest_sha256="m", signer="key")
    new = ImportRecord("2", run=run, result_sha256="b", manifest_sha256="n", supersedes="m", signer=signer)
    selection = select_results([ImportedResult(Path("old"), old), ImportedResult(Path("new"), new)])
    assert [str(each.path) for each in selection.kept] == kept
    assert len(selection.notes) == 2 - len(kept)


def _kept(*records: ImportRecord) -> list[str]:
    """The bundles that remain, whatever the order in which they were found; all but one of each run have a note."""
    found = [ImportedResult(Path(record.bundle), record) for record in records]
    selection = select_results(found)
    assert select_results(found[::-1]).kept == selection.kept
    assert len(selection.kept) + len(selection.notes) + len(selection.undecided) == len(records)
    assert bool(selection.undecided) == bool(selection.problems)
    return [each.record.bundle for each in selection.kept]


PUBLISHED = ImportRecord("published", run="r", level="reread", result_sha256="a", manifest_sha256="m")
CORRECTION = replace(PUBLISHED, bundle="z", result_sha256="b", manifest_sha256="n", supersedes="m")


def test_a_run_counts_once_and_by_its_highest_level() -> None:
    copy = replace(PUBLISHED, bundle="a", level="consistent")
    assert _kept(copy, PUBLISHED) == ["published"]
    assert _kept(replace(PUBLISHED, bundle="a"), replace(PUBLISHED, evidence=3)) == ["published"]
    with_spaces = [replace(PUBLISHED, bundle=f"x{at}", result_sha256=f"x{at}", manifest_sha256=None) for at in range(3)]
    assert _kept(*with_spaces, PUBLISHED, copy) == ["published"]
    assert _kept(PUBLISHED, replace(PUBLISHED, bundle="other", run="s")) == ["other", "published"]


def test_an_unsigned_bundle_may_be_corrected_with_a_key_as_a_review_accepts() -> None:
    assert _kept(PUBLISHED, CORRECTION) == ["z"]
    assert _kept(PUBLISHED, replace(CORRECTION, signer="key")) == ["z"]
    folder = replace(PUBLISHED, bundle="folder", manifest_sha256=None)
    assert _kept(folder, PUBLISHED, CORRECTION) == ["z"]


def test_only_the_same_key_may_correct_to_a_lower_level() -> None:
    lower = replace(CORRECTION, level="consistent")
    assert _kept(PUBLISHED, lower) == ["published"]
    assert _kept(PUBLISHED, replace(lower, signer="key")) == ["published"]
    assert _kept(replace(PUBLISHED, signer="key"), replace(lower, signer="key")) == ["z"]


def test_the_name_of_a_file_decides_between_copies_only() -> None:
    forged = replace(PUBLISHED, bundle="0", result_sha256="forged", manifest_sha256="f", evidence=9)
    signed = replace(PUBLISHED, signer="key")
    assert _kept(PUBLISHED, forged) == []
    assert _kept(signed, forged) == ["published"]
    assert _kept(signed, replace(forged, signer="other")) == []
    assert _kept(PUBLISHED, forged, replace(signed, bundle="other", run="s")) == ["other"]
    (problem,) = select_results([ImportedResult(Path(each.bundle), each) for each in (PUBLISHED, forged)]).problems
    assert problem.message.endswith("these differ and nothing says which counts: 0, published")


def test_an_unchecked_signature_lets_nobody_else_take_the_place_of_a_bundle() -> None:
    unchecked = replace(PUBLISHED, signer=UNKNOWN_SIGNER, level="schema")
    forged = replace(PUBLISHED, bundle="0", result_sha256="forged", manifest_sha256="f")
    for signer in (None, "key", UNKNOWN_SIGNER):
        assert _kept(unchecked, replace(CORRECTION, signer=signer)) == ["published"]
        assert _kept(unchecked, replace(forged, signer=signer)) == []
    assert _kept(PUBLISHED, replace(forged, signer=UNKNOWN_SIGNER)) == []


def test_a_corrected_bundle_stays_so_where_a_stranger_corrects_it_too() -> None:
    by_author = replace(CORRECTION, signer="key")
    by_stranger = replace(CORRECTION, bundle="0", result_sha256="c", manifest_sha256="o", signer="other")
    assert _kept(replace(PUBLISHED, signer="key"), by_author, by_stranger) == ["z"]


def test_without_ssh_keygen_a_signed_bundle_is_not_taken_for_an_unsigned_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
    signed = write_bundle(tmp_path / "bundles" / "signed", good_bundle())
    sign(signed / "manifest.json", tmp_path / "key")
    forged = write_bundle(tmp_path / "bundles" / "correction", failing(good_bundle(), "alpha", 3))
    manifest = json.loads((forged / "manifest.json").read_text())
    manifest["supersedes"] = {"manifest_sha256": manifest_digest(signed), "reason": "a mistake", "signer": None}
    (forged / "manifest.json").write_text(json.dumps(manifest))
    path, signers = os.environ["PATH"], []
    for searched in (str(tmp_path), path):
        monkeypatch.setenv("PATH", searched)
        (kept,) = _import(tmp_path).results
        signers.append((kept.path.name, kept.record.signer == UNKNOWN_SIGNER))
    assert signers == [("signed", True), ("signed", False)]


def test_what_a_link_leads_to_is_imported_again_when_it_changes(tmp_path: Path) -> None:
    (tmp_path / "bundles").mkdir()
    target = tmp_path / "current.zip"
    (tmp_path / "bundles" / "x.zip").symlink_to(target)
    runs = []
    for number in range(2):
        folder = write_bundle(tmp_path / f"b{number}", later(good_bundle(), number))
        with zipfile.ZipFile(tmp_path / "new.zip", "w") as archive:
            for file in folder.iterdir():
                archive.write(file, file.name)
        (tmp_path / "new.zip").replace(target)
        runs += [each.record.run for each in _import(tmp_path).results]
    assert runs == ["20261123-100000-002a", "20261124-100000-002a"]
    target.write_bytes(b"no archive")
    assert _import(tmp_path).refused == 1


def test_an_import_whose_table_is_missing_is_made_again(tmp_path: Path) -> None:
    write_bundle(tmp_path / "bundles" / "b", good_bundle())
    found = _import(tmp_path)
    (cells,) = found.files()["cells"]
    cells.unlink()
    with open_collection(_import(tmp_path)) as database:
        assert len(database.rows("SELECT * FROM cells")) == 4


def test_imports_of_a_kit_with_other_checks_are_not_used(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "harness", tmp_path / "harness")
    code = "from harness.collection import ImportRequest as R; print(R([], __import__('pathlib').Path()).folder())"

    def folder() -> str:
        # The kit is the one in the working directory.
        done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    assert folder() == str(ImportRequest([], Path()).folder())
    module = tmp_path / "harness" / "verify" / "limits.py"
    module.write_text(f"{module.read_text()}# A change.\n")
    assert folder() != str(ImportRequest([], Path()).folder())


def test_imports_that_were_not_used_for_long_are_removed(tmp_path: Path) -> None:
    write_bundle(tmp_path / "bundles" / "b", good_bundle())
    imports = tmp_path / "cache" / "imports"
    for number in range(12):
        (imports / f"old-{number:02}").mkdir(parents=True)
        os.utime(imports / f"old-{number:02}", (number, number))
    found = _import(tmp_path)
    kept = sorted(each.name for each in imports.iterdir() if each.is_dir() and each != found.folder)
    assert kept == [f"old-{number:02}" for number in range(4, 12)]


def test_two_processes_write_the_same_table_at_once(tmp_path: Path) -> None:
    path, rows = tmp_path / "a.parquet", [{"n": number} for number in range(2000)]

    def write(_: int) -> None:
        ParquetWriter().write(path, {"n": "BIGINT"}, rows)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(write, range(30)))
    assert list(tmp_path.iterdir()) == [path]


def test_a_defect_of_the_kit_hides_only_the_source_that_shows_it(tmp_path: Path) -> None:
    write_bundle(tmp_path / "bundles" / "b0", good_bundle())
    (tmp_path / "bundles" / "b1").mkdir()
    write_result(tmp_path / "bundles" / "b1" / "result.json", good_bundle())

    def crash(languages: Sequence[str]) -> AbstractContextManager[Sandbox]:
        raise OverflowError(f"cannot run {languages[0]}")

    def collect(sandbox: OpenSandbox) -> Collection:
        options = VerifyOptions("rescored", tasks=tasks(), open_sandbox=sandbox)
        return import_results(ImportRequest([tmp_path / "bundles"], tmp_path / "cache", options))

    found = collect(crash)
    message = f"{tmp_path / 'bundles' / 'b0'}: could not be checked: OverflowError: cannot run python"
    assert [problem.message for problem in found.problems] == [message]
    assert [each.path.name for each in found.results] == ["b1"]
    assert [each.path.name for each in collect(trusting).results] == ["b0"]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_csv('{secret}')",
        "SELECT * FROM '{secret}'",
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM read_parquet('http://127.0.0.1:9/x.parquet')",
        "COPY trials TO '{secret}'",
        "ATTACH '{secret}.db'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "CREATE TABLE t (a INT)",
        "SELECT 1; SELECT 2",
        "PRAGMA database_list",
        "",
        "SELECT '\ud800'",
        "EXPLAIN ANALYZE {copy}",
        "EXPLAIN ANALYZE DROP VIEW machines",
        "EXPLAIN ANALYZE CREATE TABLE t AS SELECT 1",
        "WITH written AS ({copy}) SELECT 1",
        "WITH a AS (SELECT 1), written AS ({copy}) SELECT * FROM a UNION ALL SELECT 2",
        "WITH gone AS (DELETE FROM sources RETURNING *) SELECT * FROM gone",
    ],
)
def test_a_statement_reads_the_views_alone(collection: Collection, secret: Path, statement: str) -> None:
    imported = collection.files()["machines"][0]
    before, copy = imported.read_bytes(), f"COPY (SELECT 1) TO '{imported}' (FORMAT parquet, USE_TMP_FILE false)"
    with open_collection(collection) as database:
        with pytest.raises(RunError):
            database.rows(statement.format(secret=secret, copy=copy))
        assert len(database.rows("SELECT * FROM machines")) == len(collection.results)
    assert secret.read_text() == "secret\n1\n"
    assert imported.read_bytes() == before


@pytest.mark.parametrize(
    "statement",
    [
        "FROM cells",
        "VALUES (1)",
        "DESCRIBE cells",
        "SHOW TABLES",
        "SUMMARIZE cells",
        "SELECT 1 UNION SELECT 2",
        "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT * FROM n",
        'SELECT \'"type":"COPY_QUERY_NODE"\' -- COPY',
    ],
)
def test_every_statement_that_reads_is_allowed(collection: Collection, statement: str) -> None:
    with open_collection(collection) as database:
        assert database.rows(statement)


def test_the_time_of_who_reads_the_rows_does_not_count(collection: Collection) -> None:
    with open_collection(collection) as database, database.query("SELECT * FROM range(5000)") as found:
        next(found.rows)
        timers = [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
        assert all(timer.finished.is_set() for timer in timers)
        assert len(list(found.rows)) == 4999


def _count(database: Database, statement: str) -> int:
    with database.query(statement) as found:
        return sum(1 for _ in found.rows)


def test_a_statement_is_stopped_while_its_rows_are_read(collection: Collection) -> None:
    rows = "SELECT 1 FROM range(99999) a, range(99999) b, range(99999) c"
    limits = QueryLimits(seconds=0.2)
    with open_collection(collection, limits) as database, pytest.raises(RunError, match="longer than"):
        _count(database, rows)


@pytest.mark.parametrize(
    ("limits", "statement", "message"),
    [
        (QueryLimits(seconds=0.2), "SELECT count(*) FROM range(9999999) a, range(9999999) b WHERE a.range*b.range=7",
         "longer than 0.2 s"),
        (QueryLimits(memory_bytes=32 * 2**20), "SELECT count(DISTINCT hash(range)) FROM range(30000000)", "memory"),
    ],
)  # fmt: skip
def test_a_statement_is_stopped_at_its_limits(
    collection: Collection, limits: QueryLimits, statement: str, message: str
) -> None:
    with open_collection(collection, limits) as database, pytest.raises(RunError, match=message):
        database.rows(statement)


def test_an_empty_collection_has_every_view(tmp_path: Path) -> None:
    (tmp_path / "bundles").mkdir()
    with open_collection(Collection(tmp_path, (), ())) as database:
        for view in ("machines", "models", "cells", "trials", "turns", "answers"):
            assert database.rows(f"SELECT * FROM {view}") == []


def test_hostile_names_stay_data(tmp_path: Path) -> None:
    name = "x'); DROP VIEW trials; --\u202e\ud800"
    bundle, _ = bundle_with(model=name)
    write_bundle(tmp_path / "bundles" / "it's", bundle)
    found = _import(tmp_path)
    assert not found.problems
    with open_collection(found) as database:
        names = {row["model"] for row in database.rows("SELECT model FROM trials")}
    assert names == {name.replace("\ud800", "?"), "beta-30b-a3b"}


@pytest.mark.parametrize("facts", [{"weights": "\ud800"}, {"\udc00": 1}, {"a": [{"\udc00": "\ud800"}]}])
def test_facts_that_are_no_unicode_are_readable_as_json(facts: dict[str, Json], tmp_path: Path) -> None:
    bundle = good_bundle()
    bundle.result["models"][0]["facts"] = facts
    (tmp_path / "bundles" / "b0").mkdir(parents=True)
    write_result(tmp_path / "bundles" / "b0" / "result.json", summarized(bundle))
    collection = _import(tmp_path)
    assert collection.problems == ()
    with open_collection(collection) as database:
        found = database.rows("SELECT facts::JSON AS facts FROM models WHERE label = 'alpha'")[0]
    assert found["facts"] == to_json(facts).replace(r"\ud800", "?").replace(r"\udc00", "?")


def test_a_table_that_cannot_be_written_is_one_line_and_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    with pytest.raises(RunError, match="cannot be written as a table"):
        ParquetWriter().write(path, {"n": "BIGINT"}, [{"n": "x"}])
    with pytest.raises(DiskError):
        ParquetWriter().copy("SELECT 1", tmp_path / "none" / "a.parquet")
    with open_database({}, output=path) as database, pytest.raises(RunError, match="cannot be written as a table"):
        database.write("SELECT error('no')", path)
    assert list(tmp_path.iterdir()) == []


def test_models_are_comparable_by_their_settings_and_not_by_a_seed() -> None:
    plain = build(Result, good_bundle().result)
    first, second = (comparison_key(plain, model) for model in plain.models)
    assert first != second
    seeded, _ = bundle_with(sampling=plain.models[0].sampling.__class__(seed=5))
    assert comparison_key(build(Result, seeded.result), build(Result, seeded.result).models[0]) == first


def test_a_model_with_an_agent_is_comparable_only_with_the_same_agent() -> None:
    plain = build(Result, good_bundle().result)
    model = plain.models[0]
    keys = [comparison_key(plain, replace(model, agent=agent)) for agent in (None, "pi", "codex")]
    assert len(set(keys)) == 3
    versions = [replace(model, agent="pi", agent_version=version) for version in ("1", "2")]
    assert {comparison_key(plain, each) for each in versions} == {keys[1]}


def test_models_that_may_think_longer_are_not_comparable() -> None:
    plain = build(Result, good_bundle().result)
    longer = replace(plain, run=replace(plain.run, thinking_tokens=plain.run.thinking_tokens + 1))
    alike = [comparison_key(plain, model) == comparison_key(longer, model) for model in plain.models]
    assert [model.thinking for model in plain.models] == ["off", "on"]
    assert alike == [True, False]
    named = [difference.name for difference in run_differences(plain, longer)]
    assert named == ["tokens for thinking"]


def test_agents_with_other_limits_are_not_comparable() -> None:
    plain = build(Result, good_bundle().result)
    model = replace(plain.models[0], agent="pi")
    results = [_with_work(plain, limits) for limits in (AgentLimits(), AgentLimits(turns=61), AgentLimits(tokens=5))]
    assert len({comparison_key(result, model) for result in results}) == 3
    assert [difference.name for difference in run_differences(*results[:2])] == ["agent turns"]


def _with_work(result: Result, limits: AgentLimits) -> Result:
    work = AgentWork("exited", 0, "", 1.0, 0, 0, (), limits)
    return replace(result, trials=tuple(replace(trial, work=work) for trial in result.trials))


@pytest.mark.parametrize("seconds", ["1e30", "-1", "0", "nan", "inf", "soon"])
def test_a_timeout_that_is_no_number_of_seconds_is_refused(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["query", "SELECT 1", "--timeout", seconds])
    assert "expected seconds above 0" in capsys.readouterr().err


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LANEBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path


def test_the_command_prints_rows_for_people_and_programs(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_bundle(cache / "bundles" / "b", good_bundle())
    ask = [
        "query",
        "SELECT label, '=1+1' AS formula, 0.5::DOUBLE AS half FROM models ORDER BY 1",
        str(cache / "bundles"),
    ]
    assert main([*ask, "--format", "jsonl"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert rows[0] == {"label": "alpha", "formula": "=1+1", "half": 0.5}
    assert main([*ask, "--format", "csv"]) == 0
    assert capsys.readouterr().out == "label,formula,half\nalpha,'=1+1,0.5\nbeta,'=1+1,0.5\n"
    assert main(ask) == 0
    assert "alpha    =1+1       0.5" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("select", "repeated"), [("1 AS a, 2 AS a, 3 AS b", "a"), ("* FROM models m JOIN models n USING (bundle)", "label")]
)
def test_columns_of_one_name_are_printed_or_refused_and_never_dropped(
    select: str, repeated: str, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_bundle(cache / "bundles" / "b", good_bundle())
    ask = ["query", f"SELECT {select}", str(cache / "bundles"), "--format"]
    assert main([*ask, "csv"]) == 0
    assert capsys.readouterr().out.splitlines()[0].split(",").count(repeated) == 2
    assert main([*ask, "jsonl"]) != 0
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "several columns are named" in printed.err
    assert repeated in printed.err


def test_no_table_is_printed_where_every_result_was_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.zip").write_text("no zip")
    assert main(["query", "SELECT count(*) FROM models", str(tmp_path)]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "not readable as a zip archive" in printed.err


def test_the_command_fails_after_the_rows_where_a_result_was_refused(
    cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_bundle(cache / "bundles" / "b", good_bundle())
    (cache / "bundles" / "broken.zip").write_bytes(b"PK")
    assert main(["query", "SELECT count(*) AS n FROM machines", str(cache / "bundles"), "--format", "csv"]) == 1
    printed = capsys.readouterr()
    assert printed.out == "n\n1\n"
    assert "broken.zip" in printed.err


def test_without_a_statement_the_command_describes_the_views(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query"]) == 0
    assert "trials: one trial" in capsys.readouterr().out
