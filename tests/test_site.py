"""A site of many results: its pages say what the results say, hostile names stay text, a build writes what changed."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from harness.cli import main
from harness.collection import Collection, ImportRequest, import_results, open_site
from harness.errors import RunError
from harness.files import read_json, to_json
from harness.report import plain_text
from harness.site import SiteRequest, build_site
from harness.site.answers import machine_answers
from harness.site.folder import SiteFolder
from harness.site.links import slug
from harness.site.rows import MachineClass, SiteAnswer
from harness.verify import VerifyOptions
from tests.bundle import Bundle, good_bundle, later, summarized, tasks, write_bundle

HOSTILE = '"><script>alert(1)</script>\u202e' + "x" * 200
ATOM = "{http://www.w3.org/2005/Atom}"


def _on(bundle: Bundle, chip: str, gigabytes: int) -> Bundle:
    """The bundle as of another machine."""
    bundle.result["host"] |= {"chip": chip, "memory_bytes": gigabytes * 2**30}
    return summarized(bundle)


def _collect(folder: Path) -> Collection:
    options = VerifyOptions("consistent", tasks=tasks())
    return import_results(ImportRequest([folder / "bundles"], folder / "cache", options))


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
    page = _page(folder, f"models/{slug('beta-30b-a3b')}.html")
    assert "2 of 3" in page
    assert re.search(r"\d+(\.\d+)? \[\d+(\.\d+)?, \d+(\.\d+)?\] n=\d+", page)
    assert page.count('data-level="consistent"') == 3 + 6


def test_machines_are_never_mixed_and_each_has_its_answer(folder: Path) -> None:
    page = _page(folder, f"machines/{slug('Apple M4 Max, 64 GB')}.html")
    assert "Daily coding:" in page
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
    outside = tmp_path / "outside.html"
    outside.write_text("kept")
    site = SiteFolder(tmp_path / "site")
    (site.path / "site.json").write_text(to_json({"files": ["../outside.html", str(outside)]}))
    SiteFolder(site.path).finish()
    assert outside.read_text() == "kept"
    assert read_json(site.path / "site.json") == {"files": []}


def _answer(bundle: str, definition: str, label: str | None, trials: int = 10) -> SiteAnswer:
    text = f"{label}. It solved 9 of 10." if label else "the evidence does not decide."
    state = "decided" if label else "undecided"
    return SiteAnswer(bundle, "2026-11-01", "M3", 96, "writing", definition, state, label, label, trials, text)


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


def test_the_command_builds_the_site_and_then_names_what_it_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.zip").write_text("no zip")
    assert main(["site", str(tmp_path), "--out", str(tmp_path / "site")]) == 1
    said = capsys.readouterr()
    assert said.out.strip() == plain_text(str(tmp_path / "site" / "index.html"))
    assert "bad.zip" in said.err
    assert (tmp_path / "site" / "index.html").is_file()
