"""A site of many results: its pages say what the results say, hostile names stay text, a build writes what changed."""

import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from harness.cli import main
from harness.collection import Collection, ImportRequest, import_results, open_site, short_name
from harness.errors import DiskError, RunError
from harness.files import read_json, to_json
from harness.report import plain_text, render_site_page
from harness.site import SiteRequest, build_site
from harness.site.answers import machine_answers
from harness.site.folder import JOURNAL, SiteFolder
from harness.site.links import page_of
from harness.site.pages import read_site, site_pages
from harness.site.rows import MachineClass, SiteAnswer, machine_names
from harness.types import Json
from harness.verify import VerifyOptions
from tests.bundle import MODELS, Bundle, bundle_of, good_bundle, later, summarized, tasks, write_bundle

HOSTILE = '"><script>alert(1)</script>\u202e' + "x" * 200
ATOM = "{http://www.w3.org/2005/Atom}"


def _on(bundle: Bundle, chip: str, gigabytes: int) -> Bundle:
    """The bundle as of another machine."""
    bundle.result["host"] |= {"chip": chip, "memory_bytes": gigabytes * 2**30}
    return summarized(bundle)


def _collect(folder: Path) -> Collection:
    options = VerifyOptions("consistent", tasks=tasks())
    return import_results(ImportRequest([folder / "bundles"], folder / "cache", options))


def _record(*files: str) -> str:
    """The record of a site with these files."""
    return to_json({"generator": "Lanebench", "files": files})


def _times(site: Path) -> dict[str, int]:
    return {str(path.relative_to(site)): path.stat().st_mtime_ns for path in site.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three bundles of two machines, one of which has a hostile name, and the site of them."""
    path, bundle = tmp_path_factory.mktemp("site"), good_bundle()
    write_bundle(path / "bundles" / "b0", bundle)
    write_bundle(path / "bundles" / "b1", later(bundle, 1))
    write_bundle(path / "bundles" / "b2", _on(later(bundle, 2), HOSTILE, 96))
    build_site(SiteRequest(_collect(path), path / "site"))
    return path


def _page(folder: Path, name: str) -> str:
    return (folder / "site" / name).read_text(encoding="utf-8")


def test_each_machine_model_task_server_and_result_has_a_page(folder: Path) -> None:
    made = {path.parent.name: 0 for path in (folder / "site").rglob("*.html")}
    for path in (folder / "site").rglob("*.html"):
        made[path.parent.name] += 1
    assert made == {"site": 2, "machines": 2, "models": 2, "tasks": 2, "servers": 2, "results": 3}


def test_every_link_within_the_site_leads_to_a_file(folder: Path) -> None:
    site = folder / "site"
    for path in site.rglob("*.html"):
        links = re.findall(r'href="([^"#]+)"', path.read_text(encoding="utf-8"))
        assert links
        assert [link for link in links if not (path.parent / link).exists()] == []


def test_a_number_stands_with_its_trials_and_its_level(folder: Path) -> None:
    page = _page(folder, page_of("models", "beta-30b-a3b", ("beta-30b-a3b",)))
    assert "2 of 3" in page
    assert re.search(r"\d+(\.\d+)? \[\d+(\.\d+)?, \d+(\.\d+)?\] n=\d+", page)
    assert page.count('data-level="consistent"') == 3 + 6


def test_machines_are_never_mixed_and_each_has_its_answer(folder: Path) -> None:
    page = _page(folder, page_of("machines", "Apple M4 Max, 64 GB", ("Apple M4 Max", 64, 40, None)))
    assert "My coding:" in page
    assert "1 of 1 other comparable results say the same" in page
    assert "96 GB" not in page


def test_a_hostile_name_stays_text_and_short(folder: Path) -> None:
    site = folder / "site"
    texts = [path.read_text(encoding="utf-8") for path in site.rglob("*.html")]
    assert not any("<script>alert" in text or "\u202e" in text or "x" * 100 in text for text in texts)
    assert all(len(path.name) < 70 for path in site.rglob("*"))


def test_the_policy_names_each_script_and_style_by_its_digest(folder: Path) -> None:
    page = _page(folder, "index.html")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None
    assert policy[1].startswith("default-src &#39;none&#39;; script-src &#39;sha256-")
    assert "unsafe" not in policy[1]


def test_the_feed_lists_the_newest_result_first(folder: Path) -> None:
    feed = ET.fromstring(_page(folder, "feed.xml"))
    moments = [entry.findtext(f"{ATOM}updated") for entry in feed.findall(f"{ATOM}entry")]
    assert len(moments) == 3
    assert moments == sorted(moments, key=str, reverse=True)
    assert feed.findtext(f"{ATOM}updated") == moments[0]


def test_the_data_is_one_table_without_the_path_of_a_bundle(folder: Path) -> None:
    with open_site(folder / "site" / "site.parquet") as database:
        counts = database.rows("SELECT kind, count(*) AS n FROM site GROUP BY ALL ORDER BY ALL")
        files = database.rows("SELECT DISTINCT file FROM site ORDER BY ALL")
    assert counts == [{"kind": "answer", "n": 3}, {"kind": "cell", "n": 12}, {"kind": "model", "n": 6}]
    assert [each["file"] for each in files] == ["b0", "b1", "b2"]


def test_a_second_build_writes_nothing_and_a_new_result_only_what_it_changes(tmp_path: Path) -> None:
    work = tmp_path / "work"
    site, bundle = work / "site", good_bundle()
    for number in range(2):
        write_bundle(work / "bundles" / f"b{number}", later(bundle, number))
    build_site(SiteRequest(_collect(work), site))
    before = _times(site)
    assert build_site(SiteRequest(_collect(work), site)).changed == 0
    assert _times(site) == before
    other = later(bundle, 2)
    for model in other.result["models"]:
        model["model"] += "-other"
    write_bundle(work / "bundles" / "b2", _on(other, "Apple M3 Ultra", 96))
    build_site(SiteRequest(_collect(work), site))
    after = _times(site)
    kept = [name for name in before if after[name] == before[name]]
    assert {name.partition("/")[0] for name in kept} == {"machines", "models", "results"}
    assert len([name for name in kept if name.startswith("results/")]) == 2


def test_the_pages_of_a_result_that_is_gone_are_removed(folder: Path, tmp_path: Path) -> None:
    collection = _collect(folder)
    build_site(SiteRequest(collection, tmp_path / "site"))
    fewer = Collection(collection.folder, collection.results[:1], ())
    build_site(SiteRequest(fewer, tmp_path / "site"))
    assert len(list((tmp_path / "site" / "results").iterdir())) == 1


def test_a_folder_with_other_files_is_refused_and_nothing_outside_is_removed(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "index.html").write_text("mine")
    with pytest.raises(RunError, match="holds no site"):
        SiteFolder(tmp_path / "mine")
    (tmp_path / "mine" / "site.json").write_text('{"files": ["index.html"], "title": "another generator"}')
    with pytest.raises(RunError, match="holds no site"):
        SiteFolder(tmp_path / "mine")
    outside = tmp_path / "outside.html"
    outside.write_text("kept")
    site = SiteFolder(tmp_path / "site")
    (site.path / "site.json").write_text(_record("../outside.html", str(outside)))
    SiteFolder(site.path).finish()
    assert outside.read_text() == "kept"
    assert read_json(site.path / "site.json")["files"] == []


@pytest.mark.parametrize(
    "record",
    [
        *("[]", '"x"', "5", "null", "{}", '{"files":["index.html"]}', '{"generator":"Lanebench"}'),
        *(f'{{"generator":"Lanebench","files":{files}}}' for files in ("5", "null", '"index.html"')),
    ],
)
def test_a_folder_whose_list_is_none_holds_no_site(record: str, tmp_path: Path) -> None:
    (tmp_path / "site.json").write_text(record)
    with pytest.raises(RunError, match="holds no site"):
        SiteFolder(tmp_path)


def test_what_no_file_can_be_called_is_left_out_of_a_list(tmp_path: Path) -> None:
    names = '[{"a": 1}, 1, "index.html", "old.html", "a/\\ud800.html", "index.html/x.html", "\\u0000.html", ["b.html"]]'
    (tmp_path / "site.json").write_text(f'{{"generator": "Lanebench", "files": {names}}}')
    (tmp_path / "old.html").write_bytes(b"old")
    site = SiteFolder(tmp_path)
    site.put("index.html", b"index")
    site.finish()
    assert read_json(tmp_path / "site.json")["files"] == ["index.html"]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["index.html", "site.json"]


@pytest.mark.parametrize("name", ["old.html", ".old.html.part", JOURNAL])
def test_a_folder_in_the_place_of_a_page_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / "site.json").write_text(_record("old.html"))
    (tmp_path / name).mkdir()
    with pytest.raises(DiskError, match=f"{name}: cannot be written"):
        SiteFolder(tmp_path).finish()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/bundles", "/bundles/b0"),
        ("/", "/b0"),
        ("//example.org/bundles/", "//example.org/bundles/b0"),
        ("https://example.org/bundles", "https://example.org/bundles/b0"),
        ("files", "../files/b0"),
    ],
)
def test_the_address_of_the_bundles_is_taken_as_it_is_given(url: str, expected: str, tmp_path: Path) -> None:
    write_bundle(tmp_path / "bundles" / "b0", good_bundle())
    build_site(SiteRequest(_collect(tmp_path), tmp_path / "site", bundle_url=url))
    (page,) = [path.read_text(encoding="utf-8") for path in (tmp_path / "site" / "results").iterdir()]
    assert f'href="{expected}"' in page


def test_bundles_of_one_name_have_no_address_below_one(tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for number, folder in enumerate(folders):
        write_bundle(folder / "same", later(good_bundle(), number))
    write_bundle(folders[0] / "other", later(good_bundle(), 2))
    options = VerifyOptions("consistent", tasks=tasks())
    found = import_results(ImportRequest(folders, tmp_path / "cache", options))
    build_site(SiteRequest(found, tmp_path / "site", bundle_url="/bundles"))
    pages = [path.read_text(encoding="utf-8") for path in (tmp_path / "site").rglob("*.html")]
    assert {address for page in pages for address in re.findall(r'href="(/bundles/[^"]*)"', page)} == {"/bundles/other"}


def _answer(bundle: str, definition: str, label: str | None, trials: int = 10, level: str = "consistent") -> SiteAnswer:
    text = f"{label}. It solved 9 of 10." if label else "the evidence does not decide."
    state = "decided" if label else "undecided"
    machine = MachineClass("M3", 96)
    day = "2026-11-01"
    return SiteAnswer(bundle, level, day, *machine, "writing", definition, state, label, label, trials, text)


def test_the_answer_of_a_machine_is_that_of_the_largest_comparable_group() -> None:
    answers = [
        _answer("a", "one", "qwen", 5),
        _answer("b", "one", "qwen", 20),
        _answer("c", "one", "llama", 5),
        _answer("d", "two", "gemma", 50),
    ]
    (verdict,) = machine_answers(answers)[MachineClass("M3", 96)]
    assert (verdict.pick, verdict.text) == ("qwen", "It solved 9 of 10.")
    assert verdict.note == (
        "From a result of 2026-11-01 with 20 trials a task. 1 of 2 other comparable results say the same; others say: "
        "llama. 1 more result is not comparable (other tasks, settings or version)."
    )


def test_an_invented_result_does_not_answer_in_the_place_of_a_verified_one() -> None:
    answers = [
        _answer("a", "one", "honest", 5, "reread"),
        *(_answer(f"b{at}", "one", "invented", 900) for at in range(9)),
        *(_answer(f"c{at}", "two", "invented", 900) for at in range(9)),
    ]
    (verdict,) = machine_answers(answers)[MachineClass("M3", 96)]
    assert (verdict.pick, verdict.level) == ("honest", "reread")
    assert verdict.note == (
        "From a result of 2026-11-01 with 5 trials a task. 18 more results are verified to a lower level only."
    )


def test_a_card_has_the_level_of_its_answer(folder: Path) -> None:
    cards = re.findall(r'<p class="verdict">.*</p>', _page(folder, "index.html"))
    assert len(cards) == 2
    assert all('<span class="badge" data-level="consistent">consistent</span>' in card for card in cards)


def _site(folder: Path, bundles: Sequence[Bundle]) -> dict[str, str]:
    """The pages of a site of these bundles."""
    for number, bundle in enumerate(bundles):
        write_bundle(folder / "bundles" / f"b{number}", bundle)
    build_site(SiteRequest(_collect(folder), folder / "site"))
    pages = {str(path.relative_to(folder / "site")): path for path in (folder / "site").rglob("*.html")}
    return {name: path.read_text(encoding="utf-8") for name, path in sorted(pages.items())}


def _headings(pages: Mapping[str, str], kind: str) -> list[str]:
    """The headings of the pages of one kind."""
    found = [re.search("<h1>(.*)</h1>", page) for name, page in pages.items() if name.startswith(f"{kind}/")]
    return sorted(match[1] for match in found if match)


def test_a_chip_that_is_named_as_another_machine_has_its_own_page(tmp_path: Path) -> None:
    honest, stranger = _on(good_bundle(), "AMD EPYC", 24), later(good_bundle(), 1)
    stranger.result["host"] |= {"chip": "AMD EPYC, 24 GB", "memory_bytes": None}
    pages = _site(tmp_path, [honest, summarized(stranger)])
    assert _headings(pages, "machines") == [
        "AMD EPYC, 24 GB, 40 GPU cores",
        "AMD EPYC, 24 GB, memory unknown, 40 GPU cores",
    ]
    assert build_site(SiteRequest(_collect(tmp_path), tmp_path / "site")).changed == 0


@pytest.mark.parametrize(
    ("facts", "names"),
    [
        ({"gpu_cores": 32}, ["Apple M4 Max, 64 GB, 32 GPU cores", "Apple M4 Max, 64 GB, 40 GPU cores"]),
        (
            {"system": "Linux", "gpu_memory_bytes": 2**20, "gpu_wired_limit_bytes": 24 * 2**30},
            ["Apple M4 Max, 64 GB", "Apple M4 Max, 64 GB, GPU 24 GB"],
        ),
        (
            {"system": "Linux", "gpu_memory_bytes": 2**20},
            ["Apple M4 Max, 64 GB", "Apple M4 Max, 64 GB, GPU of unknown memory"],
        ),
    ],
)
def test_machines_with_other_gpus_are_never_mixed(facts: dict[str, Json], names: list[str], tmp_path: Path) -> None:
    other = later(good_bundle(), 1)
    other.result["host"] |= facts
    pages = _site(tmp_path, [good_bundle(), summarized(other)])
    assert _headings(pages, "machines") == names
    assert sum("1 of 1 other" in page for page in pages.values()) == 0


def test_memory_that_a_gpu_has_in_use_makes_no_other_machine(tmp_path: Path) -> None:
    bundles = [good_bundle(), later(good_bundle(), 1)]
    for number, bundle in enumerate(bundles):
        used = {"gpu_memory_bytes": number * 2**30, "gpu_wired_limit_bytes": 24 * 2**30}
        bundle.result["host"] |= {"system": "Linux", **used}
    assert _headings(_site(tmp_path, list(map(summarized, bundles))), "machines") == ["Apple M4 Max, 64 GB, GPU 24 GB"]


def test_classes_of_one_name_are_called_in_full() -> None:
    plain, more = MachineClass("M3 Ultra", 96, 60), MachineClass("M3 Ultra", 96, 80)
    assert machine_names([plain, plain]) == {plain: "M3 Ultra, 96 GB"}
    assert machine_names([plain, more]) == {
        plain: "M3 Ultra, 96 GB, 60 GPU cores",
        more: "M3 Ultra, 96 GB, 80 GPU cores",
    }


def test_long_names_that_begin_alike_have_pages_of_their_own(tmp_path: Path) -> None:
    path = "/models/" + "long-folder/" * 9
    bundles = [bundle_of(*(replace(MODELS[0], label=f"m{at}", model=f"{path}{at}.gguf") for at in range(2)))]
    pages = _site(tmp_path, bundles)
    headings = _headings(pages, "models")
    assert len(set(headings)) == 2
    assert all(len(heading) == 80 and heading.startswith(path[:60]) for heading in headings)


def test_a_name_is_shortened_alike_in_the_data_and_in_python(tmp_path: Path) -> None:
    names = ["x" * 80, "é" * 81, "\ud800" * 90, "😀" * 100]
    models = [replace(MODELS[0], label=f"m{at}", model=name) for at, name in enumerate(names)]
    _site(tmp_path, [bundle_of(*models)])
    with open_site(tmp_path / "site" / "site.parquet") as database:
        found = database.rows("SELECT model FROM site WHERE kind = 'model' ORDER BY label")
    assert [row["model"] for row in found] == list(map(short_name, names))


def test_a_file_is_named_in_full_and_one_that_is_not_utf8_is_still_linked(tmp_path: Path) -> None:
    write_bundle(tmp_path / "bundles" / "b0", good_bundle())
    collection = _collect(tmp_path)
    (result,) = collection.results
    moved = replace(result, path=result.path.with_name("a" * 94 + os.fsdecode(b"\xe9")))
    build_site(SiteRequest(replace(collection, results=(moved,)), tmp_path / "site"))
    (page,) = [path.read_text(encoding="utf-8") for path in (tmp_path / "site" / "results").iterdir()]
    assert f"<code>lanebench verify &#39;{'a' * 94}?&#39;</code>" in page
    assert f'href="../../bundles/{"a" * 94}%E9"' in page


def test_the_facts_of_a_page_count_also_what_its_tables_leave_out(tmp_path: Path) -> None:
    _site(tmp_path, [good_bundle()])
    many = tmp_path / "many.parquet"
    copies = "* EXCLUDE (number) REPLACE (bundle || number AS bundle, model || number % 700 AS model)"
    select = f"SELECT {copies} FROM '{tmp_path}/site/site.parquet', range(1100) AS copies(number)"
    duckdb.sql(f"COPY ({select}) TO '{many}' (FORMAT parquet)")
    with open_site(many) as database:
        pages = dict(site_pages(read_site(database, {})))
    found = {name.partition("/")[0]: page for name, page in pages.items() if name.startswith(("machines/", "tasks/"))}
    assert set(found) == {"machines", "tasks"}
    for page in found.values():
        assert [entry.text for _, entry in page.facts[:3]] == ["1100", "1", "1400"]


def _many_machines(folder: Path, count: int) -> Path:
    """The data of a site that has a result of each of so many classes of machines."""
    _site(folder, [good_bundle()])
    many = folder / "many.parquet"
    copies = "* EXCLUDE (number) REPLACE (bundle || number AS bundle, chip || ' ' || number AS chip)"
    select = f"SELECT {copies} FROM '{folder}/site/site.parquet', range({count}) AS copies(number)"
    duckdb.sql(f"COPY ({select}) TO '{many}' (FORMAT parquet)")
    return many


@pytest.mark.parametrize(
    ("count", "words"),
    [(12, ""), (13, "1 more machine has its answer"), (40, "28 more machines have their answers")],
)
def test_the_index_says_how_many_machines_have_their_answers_elsewhere(count: int, words: str, tmp_path: Path) -> None:
    with open_site(_many_machines(tmp_path, count)) as database:
        pages = dict(site_pages(read_site(database, {})))
    index = pages["index.html"]
    assert len(index.cards) == 12
    assert (words in index.cards_lead, "more machine" in index.cards_lead) == (True, bool(words))
    (section,) = [each for each in index.sections if each.title == "By chip, memory and GPU"]
    paths = [row[0].href or "" for row in section.tables[0].rows]
    assert len({path for path in paths if pages[path].cards}) == count
    assert (section.title in index.cards_lead) == bool(words)


def test_a_table_of_the_index_says_what_it_leaves_out(tmp_path: Path) -> None:
    with open_site(_many_machines(tmp_path, 1001)) as database:
        name, index = next(site_pages(read_site(database, {})))
    assert name == "index.html"
    assert {section.key for section in index.sections if section.notes} == {"by-machine"}


@pytest.mark.parametrize("left", ["label <> 'beta'", "FALSE"])
def test_no_link_is_dead_where_models_have_no_cell(left: str, tmp_path: Path) -> None:
    _site(tmp_path, [good_bundle()])
    some = tmp_path / "some.parquet"
    select = f"SELECT * FROM '{tmp_path}/site/site.parquet' WHERE kind <> 'cell' OR {left}"
    duckdb.sql(f"COPY ({select}) TO '{some}' (FORMAT parquet)")
    with open_site(some) as database:
        pages = {name: render_site_page(page) for name, page in site_pages(read_site(database, {}))}
    linked = {
        os.path.normpath(os.path.join(os.path.dirname(name), link))
        for name, page in pages.items()
        for link in re.findall(r'href="([^"#]+\.html)"', page)
    }
    assert linked == set(pages)
    beta = pages[page_of("models", "beta-30b-a3b", ("beta-30b-a3b",))]
    assert ("Over all tasks" in beta, "By task" in beta) == (True, False)


def test_a_page_is_put_once_in_a_build(tmp_path: Path) -> None:
    site = SiteFolder(tmp_path / "site")
    site.put("machines/a.html", b"first")
    with pytest.raises(RunError, match="two pages"):
        site.put("machines/a.html", b"second")


def test_what_a_killed_build_left_is_removed_by_the_next(tmp_path: Path) -> None:
    path = tmp_path / "site"
    killed = SiteFolder(path)
    killed.put("index.html", b"index")
    killed.put("results/gone.html", b"gone")
    (path / "results" / ".half.html.part").write_bytes(b"ha")
    with (path / JOURNAL).open("a") as journal:
        journal.write("results/half.html\n../outside.html\n")
    (path / "results" / "notes.html").write_bytes(b"the user's own")
    outside = tmp_path / "outside.html"
    outside.write_text("kept")
    site = SiteFolder(path)
    site.put("index.html", b"index")
    site.finish()
    assert sorted(file.name for file in path.rglob("*") if file.is_file()) == ["index.html", "notes.html", "site.json"]
    assert (site.changed, outside.read_text()) == (1, "kept")


def test_the_command_builds_the_site_and_then_names_what_it_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.zip").write_text("no zip")
    assert main(["site", str(tmp_path), "--out", str(tmp_path / "site")]) == 1
    said = capsys.readouterr()
    assert said.out.strip() == plain_text(str(tmp_path / "site" / "index.html"))
    assert "bad.zip" in said.err
    assert (tmp_path / "site" / "index.html").is_file()


def test_what_is_left_out_or_dated_in_the_future_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    simulated = later(good_bundle(), 1)
    for part in (simulated.result["run"], *simulated.result["models"]):
        part["simulated"] = True
    write_bundle(tmp_path / "bundles" / "simulated", summarized(simulated))
    write_bundle(tmp_path / "bundles" / "late", later(good_bundle(), 26_000))
    assert main(["site", str(tmp_path / "bundles"), "--out", str(tmp_path / "site")]) == 0
    said = capsys.readouterr().err
    assert "simulated: left out, simulated models answered" in said
    assert "late: is dated 2098-01-29, in the future" in said


def test_machines_of_one_sold_size_are_one_class(tmp_path: Path) -> None:
    for number, mib in enumerate((64195, 63880)):
        bundle = later(good_bundle(), number)
        bundle.result["host"] |= {"chip": "AMD Ryzen 9 7950X", "memory_bytes": mib * 2**20, "gpu_cores": None}
        write_bundle(tmp_path / "bundles" / f"b{number}", summarized(bundle))
    build_site(SiteRequest(_collect(tmp_path), tmp_path / "site"))
    assert len(list((tmp_path / "site" / "machines").iterdir())) == 1
    assert "AMD Ryzen 9 7950X, 64 GB" in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
