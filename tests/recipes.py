"""Recipes: how a file of tests/reject/ makes a bundle that `verify` must refuse.

A recipe is a list of small edits of a sound bundle, made as a careful forger would, with recomputed digests and
manifest; or hostile bytes. `prepare` writes the bundle. Unknown keys of a recipe and edits of missing fields raise.
"""

from __future__ import annotations

import base64
import copy
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.bundle.source import MANIFEST, PLAN, RECORDINGS, RESULT, SCORES, ReadLimits
from harness.files import from_json, read_json, to_json
from harness.schema import as_document
from harness.types import Json
from tests.bundle import Bundle, good_bundle, manifest_of, run_plan, summarized, texts_of
from tests.judged import judged_bundle

REJECT = Path(__file__).parent / "reject"
FILES = {RESULT: "result", RECORDINGS: "recordings", SCORES: "scores"}


KEYS = {
    *("about", "level", "all_tasks", "own_server", "nothing", "zip", "zip_text", "zip_cut", "edit", "pass_trial"),
    *(
        "resummarize",
        "recompute_digests",
        "replace",
        "lines",
        "plan",
        "manifest",
        "manifest_size",
        "files",
        "add",
        "append",
    ),
    *("deep", "without", "link", "limits", "copy_times", "cut", "supersedes", "judged"),
}
"""Everything that a recipe may say."""


def read_recipe(path: Path) -> Mapping[str, Any]:
    """The recipe in a file."""
    recipe: Mapping[str, Any] = read_json(path)
    assert set(recipe) <= KEYS, f"{path}: unknown keys {set(recipe) - KEYS}"
    return recipe


def recipes() -> list[tuple[str, Path]]:
    """Each check's id with each of its files."""
    return [(path.parent.name, path) for path in sorted(REJECT.glob("*/*.json"))]


def _new_value(old: Json, wanted: Json) -> Json:
    return old * wanted["times"] if isinstance(wanted, dict) and set(wanted) == {"times"} else wanted


def _edit(document: Json, edit: Mapping[str, Json]) -> None:
    """Set, drop, duplicate or move the value at the path; `new` adds a field."""
    *path, last = ([edit["line"]] if "line" in edit else []) + edit["at"]
    for step in path:
        document = document[step]
    if "new" in edit:
        assert last not in document
        document[last] = edit["new"]
        return
    document[last]
    if edit.get("drop"):
        del document[last]
    elif edit.get("duplicate"):
        document.insert(last, copy.deepcopy(document[last]))
    elif "move" in edit:
        document.insert(edit["move"], document.pop(last))
    else:
        value = _new_value(document[last], edit["set"])
        document[last] = round(value) if isinstance(value, float) and last.endswith("_ns") else value


def _part(bundle: Bundle, name: str) -> Json:
    parts = {"result": bundle.result, "recordings": bundle.recordings, "scores": bundle.scores, "log": bundle.log}
    return parts[name]


def _passed(bundle: Bundle, at: int) -> None:
    whole = [{**check, "passed": True} for check in bundle.result["trials"][at]["checks"]]
    better = {"outcome": "passed", "fraction": 1.0, "checks": whole}
    bundle.result["trials"][at] |= better
    bundle.scores[at]["score"] |= better


def _copy_times(bundle: Bundle, source: int, target: int) -> None:
    """Give a recording the chunk times of another, as a forger does who makes a new answer from an old one."""
    chunks, times = bundle.recordings[target]["chunks"], bundle.recordings[source]["chunks"]
    bundle.recordings[target]["chunks"] = [
        {**chunk, "at_ns": timed["at_ns"]} for chunk, timed in zip(chunks, times, strict=False)
    ]
    del bundle.recordings[source]["chunks"][len(bundle.recordings[target]["chunks"]) :]


def _texts(recipe: Mapping[str, Any]) -> dict[str, str]:
    bundle = judged_bundle() if recipe.get("judged") else good_bundle()
    for edit in recipe.get("edit", ()):
        _edit(_part(bundle, edit["in"]), edit)
    if "copy_times" in recipe:
        _copy_times(bundle, *recipe["copy_times"])
    if "pass_trial" in recipe:
        _passed(bundle, recipe["pass_trial"])
    if recipe.get("resummarize") or "pass_trial" in recipe:
        bundle = summarized(bundle)
    texts = texts_of(bundle, recompute_digests=recipe.get("recompute_digests", True))
    if "replace" in recipe:
        texts[recipe["replace"]["file"]] = texts[recipe["replace"]["file"]].replace(
            recipe["replace"]["old"], recipe["replace"]["new"]
        )
    if "lines" in recipe:
        lines = texts[recipe["lines"]["file"]].splitlines()
        lines[recipe["lines"]["line"]] = recipe["lines"]["text"]
        texts[recipe["lines"]["file"]] = "\n".join(lines) + "\n"
    if "cut" in recipe:
        lines = texts[recipe["cut"]["file"]].splitlines(keepends=True)
        del lines[recipe["cut"]["line"]]
        texts[recipe["cut"]["file"]] = "".join(lines)
    return texts


def _plan_text(recipe: Mapping[str, Any]) -> str:
    plan = from_json(to_json(as_document("run", run_plan())))
    for edit in recipe["plan"]:
        _edit(plan, edit)
    return to_json(plan)


def _manifest(recipe: Mapping[str, Any], texts: Mapping[str, str]) -> str:
    manifest = json.loads(manifest_of(texts))
    manifest["supersedes"] = recipe.get("supersedes")
    manifest["files"] |= recipe.get("manifest", {})
    manifest["files"][RESULT]["size_bytes"] += recipe.get("manifest_size", 0)
    return to_json(manifest)


def _write_folder(recipe: Mapping[str, Any], folder: Path) -> Path:
    texts = _texts(recipe)
    folder.mkdir()
    files: dict[str, Any] = dict(texts)
    if "plan" in recipe:
        files[PLAN] = _plan_text(recipe)
    else:
        files[MANIFEST] = _manifest(recipe, texts)
    files |= recipe.get("files", {}) | recipe.get("add", {})
    for name, more in recipe.get("append", {}).items():
        files[name] += more
    if "deep" in recipe:
        files[recipe["deep"]["file"]] = "[" * recipe["deep"]["depth"] + "]" * recipe["deep"]["depth"]
    for name in recipe.get("without", ()):
        del files[name]
    for name, text in files.items():
        data = base64.b64decode(text["base64"]) if isinstance(text, dict) else text.encode("utf-8")
        (folder / name).write_bytes(data)
    for name, target in recipe.get("link", {}).items():
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)
    return folder


def _write_zip(members: list[dict[str, Any]], path: Path) -> Path:
    # A name that stands twice is warned of by zipfile, and is what is wanted: the parts are put together by hand.
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, member in enumerate(members):
            info = zipfile.ZipInfo(f"{number:04d}" + "x" * (len(member["name"]) - 4))
            info.external_attr = int(member.get("mode", "0o100644"), 8) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, member["text"] * member.get("times", 1))
    data = bytearray(path.read_bytes())
    for number, member in enumerate(members):
        _rename(data, number, member)
    path.write_bytes(bytes(data))
    return path


def _rename(data: bytearray, number: int, member: Mapping[str, Any]) -> None:
    """Give a member its real name in both of its headers, and the flags or damage that the recipe wants."""
    name = member["name"].encode()
    old = (f"{number:04d}" + "x" * (len(name) - 4)).encode()
    at = data.find(old)
    while at >= 0:
        data[at : at + len(name)] = name
        at = data.find(old, at + 1)
    local, central = data.find(b"PK\x03\x04"), data.find(b"PK\x01\x02")
    if member.get("encrypted"):
        data[local + 6] |= 1
        data[central + 8] |= 1
    if member.get("damaged"):
        data[local + 14] ^= 0xFF
        data[central + 16] ^= 0xFF


def prepare(recipe: Mapping[str, Any], folder: Path) -> Path:
    """The path that verify must refuse."""
    if recipe.get("nothing"):
        return folder / "nothing"
    if "zip_text" in recipe:
        path = folder / "bundle.zip"
        path.write_text(recipe["zip_text"], encoding="utf-8")
        return path
    if "zip" in recipe:
        return _write_zip(recipe["zip"], folder / "bundle.zip")
    if recipe.get("zip_cut"):
        path = _write_zip([{"name": RESULT, "text": "{}", "times": 500}], folder / "bundle.zip")
        path.write_bytes(path.read_bytes()[:60])
        return path
    return _write_folder(recipe, folder / "bundle")


def limits_of(recipe: Mapping[str, Any]) -> ReadLimits:
    """The limits of the recipe, else those of the kit."""
    return ReadLimits(**recipe.get("limits", {}))
