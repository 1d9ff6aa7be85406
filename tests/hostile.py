"""Hostile files, made on the spot: small on the disk, and each built to crash, flood or exhaust whoever reads it.

`INPUTS` names them; each maker writes into an empty folder and returns the path to give to a command. Run as a module
(`python -m tests.hostile PATH...`) it verifies paths within limits of memory and CPU time, and prints a line of JSON
about each: tests/test_hostile.py runs it in a process of its own.
"""

import json
import os
import random
import re
import resource
import struct
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from harness.bundle import MANIFEST, RECORDINGS, RESULT, SCORES
from harness.files import sha256_of, to_json
from harness.types import Json, Task
from harness.verify import VerifyOptions, verify
from tests.bundle import Bundle, good_bundle, manifest_of, tasks, texts_of, write_bundle

MIB = 2**20
MAX_RESIDENT_BYTES = 512 * MIB
MAX_ADDRESS_BYTES = 1536 * MIB
"""The libraries reserve several hundred MiB of addresses that they never touch."""
MAX_CPU_S = 5
TOO_LONG_S = 60
"""For all of them: far above what they take together, far below what one of them took."""

LONG_FILE = "long.py"
"""What a tool loop can read."""

Maker = Callable[[Path], Path]


def zip_of(path: Path, files: Mapping[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def _zipped(folder: Path, bundle: Bundle, **more: str | bytes) -> Path:
    """A bundle as a zip; `more` are files by their stems that replace its own."""
    files: dict[str, str | bytes] = dict(texts_of(bundle))
    names = {name.split(".")[0]: name for name in files}
    return zip_of(folder / "bundle.zip", files | {names[stem]: data for stem, data in more.items()})


def _result(edit: Callable[[Json], None]) -> Maker:
    """A bundle whose result is edited."""

    def make(folder: Path) -> Path:
        bundle = good_bundle()
        edit(bundle.result)
        return _zipped(folder, bundle)

    return make


def _damaged_lzma(folder: Path) -> Path:
    path = zip_of(folder / "bundle.zip", texts_of(good_bundle()), zipfile.ZIP_LZMA)
    data = bytearray(path.read_bytes())
    data[60:90] = bytes(30)
    path.write_bytes(data)
    return path


def _lzma_dictionary(folder: Path) -> Path:
    """LZMA's header (version, size of the properties, lc/lp/pb) with a dictionary of 4 GiB."""
    path = zip_of(folder / "bundle.zip", {RESULT: b"[]" * 50}, zipfile.ZIP_LZMA)
    data = bytearray(path.read_bytes())
    at = 30 + len(RESULT) + 5
    data[at : at + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    return path


def _lying_utf8(folder: Path) -> Path:
    path = zip_of(folder / "bundle.zip", {"result\u00e9.json": "{}"})
    path.write_bytes(path.read_bytes().replace("\u00e9".encode(), b"\xff\xfe"))
    return path


def _times(start: str, end: str) -> Callable[[Json], None]:
    def edit(result: Json) -> None:
        result["run"] |= {"started_at": start, "ended_at": end}

    return edit


def _impossible_day(result: Json) -> None:
    """A trial on the 31st of February, and a monotonic clock that goes back there."""
    result["trials"][1] |= {"started_at": "2026-02-31T10:00:00.000+00:00", "started_ns": 1, "ended_ns": 2}


def _facts(value: float) -> Callable[[Json], None]:
    def edit(result: Json) -> None:
        for model in result["models"]:
            model["facts"] = dict.fromkeys(("parameters_b", "active_parameters_b", "bits_per_weight"), value)

    return edit


def _medians(result: Json) -> None:
    for cell in result["cells"]:
        for turn in cell["turns"]:
            for summary in filter(None, [turn["decode_tps"], turn["ttft_s"]]):
                summary |= dict.fromkeys(("median", "low", "high", "mean", "minimum", "maximum"), 1.7e308)


def _more_turns(count: int, task: str) -> Maker:
    """A trial of a task with more turns than the task has."""

    def make(folder: Path) -> Path:
        bundle = good_bundle()
        at = next(at for at, trial in enumerate(bundle.result["trials"]) if trial["task"] == task)
        bundle.result["trials"][at]["turns"] *= count
        return _zipped(folder, bundle)

    return make


def _many_tasks(result: Json) -> None:
    task = result["tasks"][0]
    result["tasks"] = [task | {"name": f"task-{number}"} for number in range(20_000)]
    result["run"]["trials"] = 1000


def _large_plan(result: Json) -> None:
    """Few enough tasks for the schema, which promise a million trials."""
    task = result["tasks"][0]
    result["tasks"] += [task | {"name": f"task-{number}"} for number in range(900)]
    result["run"]["trials"] = 1000


def _many_models(result: Json) -> None:
    model = result["models"][0]
    result["models"] = [model | {"label": f"model-{number}"} for number in range(3000)]


def _empty_trials(result: Json) -> None:
    result["trials"] = [{}] * 300_000


def _bare_trials(result: Json, count: int = 3000) -> None:
    """Valid ones, but for their number and that they repeat each other."""
    trial, turn = result["trials"][0], result["trials"][0]["turns"][0]
    bare = turn | {"content": "", "content_sha256": sha256_of(""), "tool_calls": []}
    result["trials"] = [trial | {"checks": [], "metrics": {}, "turns": [bare]}] * count


def _repeated_cells(result: Json) -> None:
    """As many cells as trials, all of them the same."""
    _bare_trials(result, 8000)
    result["cells"] = [result["cells"][0] | {"turns": [], "throughput": []}] * 8000


def _many_lanes(result: Json) -> None:
    """Each of 50 models in each of 50 lanes of all tasks, and no trial."""
    names = [f"task-{number}" for number in range(800)]
    result["tasks"] = [result["tasks"][0] | {"name": name} for name in names]
    result["models"] = [result["models"][0] | {"label": f"model-{number}"} for number in range(50)]
    lane = result["lanes"][0] | {"tasks": dict.fromkeys(names, 1.0), "override": None}
    result["lanes"] = [lane | {"name": f"lane {number}"} for number in range(50)]
    result["trials"], result["run"]["trials"] = [], 1


def _many_calls(result: Json) -> None:
    """A reply with calls whose answers are a thousand times as long."""
    trial = next(trial for trial in result["trials"] if trial["task"] == "code-bugfix")
    call = {"id": "call", "name": "read_file", "arguments": to_json({"path": LONG_FILE})}
    trial["turns"][0]["tool_calls"] = [call] * 100_000


def _zip_entries(folder: Path) -> Path:
    """A directory of a million entries; it says that there are two."""
    entry = b"PK\x01\x02" + struct.pack("<6H3L5H2L", 20, 20, *[0] * 7, 1, *[0] * 6) + b"x"
    directory = entry * 1_000_000
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 2, 2, len(directory), 0, 0)
    path = folder / "bundle.zip"
    path.write_bytes(directory + end)
    return path


def _linked(folder: Path) -> Path:
    (folder / RESULT).symlink_to("/dev/zero")
    return folder


def _link(folder: Path) -> Path:
    (folder / "link.json").symlink_to("/dev/zero")
    return folder / "link.json"


def _fifo(folder: Path) -> Path:
    os.mkfifo(folder / "fifo")
    return folder / "fifo"


def _sparse(name: str, size_bytes: int) -> Maker:
    """A sound bundle's folder in which a file is a hole."""

    def make(folder: Path) -> Path:
        write_bundle(folder, good_bundle())
        with (folder / name).open("wb") as file:
            file.truncate(size_bytes)
        return folder

    return make


def _finder(folder: Path) -> Path:
    files = texts_of(good_bundle())
    inner = {f"run/{name}": text for name, text in files.items()}
    return zip_of(folder / "bundle.zip", {"run/": b"", **inner, "__MACOSX/._run": b"x", "run/.DS_Store": b"x"})


def _with_ds_store(folder: Path) -> Path:
    return zip_of(folder / "bundle.zip", {**texts_of(good_bundle()), ".DS_Store": b"x"})


def _folder_with_ds_store(folder: Path) -> Path:
    write_bundle(folder, good_bundle())
    (folder / ".DS_Store").write_bytes(b"x")
    return folder


def _in_folder(folder: Path) -> Path:
    return zip_of(folder / "bundle.zip", {f"run/{name}": text for name, text in texts_of(good_bundle()).items()})


def _crlf(folder: Path) -> Path:
    files = texts_of(good_bundle())
    files[MANIFEST] = manifest_of(files)
    return zip_of(folder / "bundle.zip", {name: text.replace("\n", "\r\n") for name, text in files.items()})


def _scores(lines: Callable[[str], str]) -> Maker:
    """The folder of a sound bundle with other lines in scores.jsonl, made from its first line."""

    def make(folder: Path) -> Path:
        bundle = good_bundle()
        write_bundle(folder, bundle)
        score = bundle.scores[0]["score"] | {"checks": [], "metrics": {}}
        (folder / SCORES).write_text(lines(to_json(bundle.scores[0] | {"score": score}) + "\n"), encoding="utf-8")
        return folder

    return make


def _recordings(text: Callable[[], str]) -> Maker:
    def make(folder: Path) -> Path:
        return _zipped(folder, good_bundle(), recordings=text())

    return make


def _document(text: Callable[[], str]) -> Maker:
    def make(folder: Path) -> Path:
        return _zipped(folder, good_bundle(), result=text())

    return make


def _noisy(piece: str, times: int) -> str:
    """A repeated piece with a number here and there, so that it compresses less well than a bomb."""
    return "".join(piece * 100 + f"{number}," for number in range(times // 100))


def _keys(count: int) -> str:
    keys = ",".join(f'"{number}":0' for number in range(count))
    return f'{{{keys},"0":0}}'


def _incompressible(size_bytes: int) -> str:
    """A JSON string of random digits."""
    return f'"{random.Random(1).randbytes(size_bytes).hex()}"'


INPUTS: Mapping[str, tuple[Maker, str]] = {
    "a damaged LZMA member": (_damaged_lzma, r"LZMA.*deflate"),
    "a name that lies about UTF-8": (_lying_utf8, "not readable as a zip archive"),
    "the year 1": (_result(_times("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:01+14:00")), r"matches \^20"),
    "the year 9999": (_result(_times("9999-12-31T23:59:58-12:00", "9999-12-31T23:59:59-12:00")), r"matches \^20"),
    "an impossible day": (_result(_impossible_day), "2026-02-31.* is not within the run"),
    "more turns than a separate task has": (_more_turns(3, "speed-small"), "has 3 turns"),
    "facts of 1e-300": (_result(_facts(1e-300)), "expected 1e-06 or more, got 1e-300"),
    "facts of 1.7e308": (_result(_facts(1.7e308)), "expected 1000000.* or less"),
    "medians of 1.7e308": (_result(_medians), "1.7e\\+308"),
    "390 to 1": (_document(lambda: "[" + _noisy("[],", 15 * 10**6) + "0]"), "more than 2000000 values"),
    "20,000 tasks of 1,000 trials": (_result(_many_tasks), "at most .* entries, got 20000"),
    "900 tasks of 1,000 trials": (_result(_large_plan), "more than 50000 trials"),
    "a million zip entries": (_zip_entries, "directory is larger"),
    "LZMA's dictionary of 4 GiB": (_lzma_dictionary, r"LZMA.*deflate"),
    "10^7 chunks in a line": (
        _recordings(lambda: '{"chunks":[' + _noisy("{},", 10**7) + "{}]}\n"),
        "more than 2000000 values",
    ),
    "a line of 255 MB": (_sparse(RECORDINGS, 255_000_000), "longer than"),
    "a result that links to /dev/zero": (_linked, "not a regular file"),
    "a link to /dev/zero": (_link, "not a regular file"),
    "a duplicate key among 200,000": (_document(lambda: _keys(200_000)), "duplicate key"),
    "10^6 lines of {}": (_scores(lambda _: "{}\n" * 10**6), "more lines than the result"),
    "300,000 empty trials": (_result(_empty_trials), "at most 50000 entries, got 300000"),
    "3,000 bare trials": (_result(_bare_trials), "occurs 3000 times"),
    "8,000 cells of 8,000 trials": (_result(_repeated_cells), "occurs 8000 times"),
    "50 lanes of 50 models": (_result(_many_lanes), "0 of 800 planned trials"),
    "100,000 tool calls in a reply": (_result(_many_calls), "tool_calls"),
    "3,000 models": (_result(_many_models), "at most .* entries, got 3000"),
    "a tool loop of 4,000 turns": (_more_turns(4000, "code-bugfix"), "has 4000 turns"),
    "200,000 score lines": (_scores(lambda line: line * 200_000), "more lines than the result"),
    "a sparse file of 1 TB": (_sparse(RECORDINGS, 10**12), "holds more than"),
    "a sparse file of 1 TB beside the others": (_sparse("other.bin", 10**12), "holds more than"),
    "a FIFO": (_fifo, "not a regular file"),
    "a zip made by Finder": (_finder, "Finder.*zip -X"),
    "a zip with .DS_Store": (_with_ds_store, "Finder.*zip -X"),
    "a folder with .DS_Store": (_folder_with_ds_store, "Finder"),
    "a zip with a folder around the files": (_in_folder, "in a folder.*zip -X"),
    "CRLF": (_crlf, "CRLF"),
    "a string whose archive is larger than a directory may be": (
        _document(lambda: _incompressible(3 * MIB)),
        "format version None",
    ),
}
"""Each input by name: how it is made, and what one of the findings says; "" for an input that may pass."""
LARGE_INPUTS = (
    "390 to 1",
    "20,000 tasks of 1,000 trials",
    "10^7 chunks in a line",
    "a line of 255 MB",
    "3,000 bare trials",
    "8,000 cells of 8,000 trials",
    "50 lanes of 50 models",
    "100,000 tool calls in a reply",
    "a tool loop of 4,000 turns",
    "200,000 score lines",
)
"""Those that take half a second and more to make and to refuse."""


def known_tasks() -> Mapping[str, Task]:
    """The tasks of the bundle, one of them with separate turns and one as a tool loop."""
    separate = replace(tasks()["speed-small"], settings={"separate": True})
    loop = replace(tasks()["code-bugfix"], tool_loop=True, files={LONG_FILE: "x = 1\n" * 1000})
    return {separate.name: separate, loop.name: loop}


def _cpu_s() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _resident_bytes() -> int:
    """The most memory that this process ever held; 0 where the kernel does not tell."""
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return int(found[1]) * 1024 if found else 0


def reports(paths: list[Path]) -> Iterator[Json]:
    """What `verify` says about each path, and what it cost."""
    options = VerifyOptions("reread", tasks=known_tasks())
    for path in paths:
        before = _cpu_s()
        verdict = verify(path, options)
        findings = [finding for report in verdict.levels for finding in report.findings]
        yield {
            "cpu_s": _cpu_s() - before,
            "resident_bytes": _resident_bytes(),
            "exit_code": verdict.exit_code,
            "findings": [f"{finding.check}: {finding.location}: {finding.message}" for finding in findings],
        }


if __name__ == "__main__":
    if sys.platform == "linux":
        # macOS has the limit and refuses to set it.
        resource.setrlimit(resource.RLIMIT_AS, (MAX_ADDRESS_BYTES, MAX_ADDRESS_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (TOO_LONG_S, TOO_LONG_S))
    for report in reports(list(map(Path, sys.argv[1:]))):
        print(json.dumps(report), flush=True)
