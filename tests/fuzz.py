"""Fuzzes what reads foreign files: `python -m tests.fuzz --minutes 30`, or `nox -s fuzz`.

A case is a JSON value: edits of the documents of a sound bundle, of the bytes of its files, and of the bytes of its
zip. hypothesis draws cases and shrinks those that fail. A failure ends the run; its case is printed and added to the
corpus, tests/data/fuzz.jsonl, which tests/test_fuzz.py runs again for ever.
"""

import argparse
import base64
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from harness.bundle import MANIFEST, PLAN
from harness.cli.verification import render_verdict
from harness.compare import compare, sections_of
from harness.errors import LanebenchError
from harness.files import build, to_json
from harness.report import plain_lines, render_github, render_html, render_text, render_text_sections
from harness.run.folder import open_run
from harness.run.pipeline import build_result
from harness.schema import as_document
from harness.types import Json, Result
from harness.verify import VerifyOptions, read_verified
from tests.bundle import Bundle, good_bundle, manifest_of, run_plan, summarized, tasks, texts_of
from tests.hostile import MAX_CPU_S, zip_of

CORPUS = Path(__file__).parent / "data" / "fuzz.jsonl"
MAX_MORE_BYTES = 100_000
"""What may be printed beyond the output for a sound bundle, of which nearly all is the page's chart library."""
DOCUMENTS = ("result", "recordings", "scores", "log")
FILES = ("result.json", "recordings.jsonl", "scores.jsonl", "log.jsonl", MANIFEST, PLAN)
VALUES: tuple[Json, ...] = (
    *(None, True, False, 0, 1, -1, 2, 2**31, 2**53 - 1, 2**53, 10**30, 0.0, -0.0, 1e-300, 5e-324, 1e9, 1.7e308, 0.1),
    *(
        "",
        " ",
        "x",
        "alpha",
        "code-bugfix",
        "passed",
        "failed",
        "\x00",
        "\x1b[2J",
        "\ud800",
        "\u202e",
        "o" + "\u0301" * 9,
    ),
    *("2026-02-31T10:00:00Z", "2000-01-01T00:00:00+14:00", "2099-12-31T23:59:59-12:00", "1e999", "0" * 64, "x" * 5000),
    *([], {}, [[]], [{}], {"": None}, [None] * 40, "data: [DONE]\n\n", "ZGF0YTogW10KCg==", "/", "../x", "NaN"),
)
"""Values at the edges of what a schema allows, and beyond."""
ACTIONS = ("similar", "similar", "similar", "set", "delete", "repeat", "nest", "rename", "swap")
NUMBERS = (0, -1, 1, 2, 1.01, 1000, 1e9, 1e-9)

_step = st.integers(0, 60)
_edit = st.fixed_dictionaries(
    {
        "document": st.sampled_from(DOCUMENTS),
        "path": st.lists(_step, min_size=1, max_size=7),
        "action": st.sampled_from(ACTIONS),
        "value": st.integers(0, len(VALUES) - 1),
    }
)
_bytes_edit = st.fixed_dictionaries(
    {
        "file": st.sampled_from(FILES),
        "at": st.floats(0, 1),
        "cut": st.sampled_from((0, 0, 1, 2, 30, 10**6)),
        "data": st.binary(max_size=12).map(lambda data: base64.b64encode(data).decode()),
    }
)
cases = st.fixed_dictionaries(
    {
        "edits": st.lists(_edit, max_size=4),
        "derive": st.booleans(),
        "bytes": st.just([]) | st.lists(_bytes_edit, max_size=2),
        "zip": st.none() | st.just([]) | st.lists(_bytes_edit, max_size=3),
    }
)


def _walk(document: Json, path: list[int]) -> tuple[Json, Json]:
    """A container of the document and the key of one of its values; each step of the path counts modulo the values."""
    container: Json = [document]
    key: Json = 0
    for step in path:
        inner = container[key]
        if not isinstance(inner, dict | list) or not inner:
            break
        container = inner
        key = list(inner)[step % len(inner)] if isinstance(inner, dict) else step % len(inner)
    return container, key


def _similar(value: Json, number: int) -> Json:
    """A value that the schema may allow where it allows this one."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        changed = value * NUMBERS[number % len(NUMBERS)]
        return int(changed) if isinstance(value, int) else changed
    strings = [item for item in VALUES if isinstance(item, str)]
    return strings[number % len(strings)] if isinstance(value, str) or value is None else value


def _apply(document: Json, edit: Mapping[str, Json]) -> Json:
    root = [document]
    container, key = _walk(document, edit["path"])
    if container == root:
        return document
    value, action = VALUES[edit["value"]], edit["action"]
    if action == "similar":
        container[key] = _similar(container[key], edit["value"])
    elif action == "set":
        container[key] = value
    elif action == "delete":
        del container[key]
    elif action == "nest":
        for _ in range(edit["value"] * 3):
            container[key] = [container[key]]
    elif action == "repeat" and isinstance(container, list):
        container[key:key] = [container[key]] * min(edit["value"], 20)
    elif action == "rename" and isinstance(container, dict):
        container[str(value)] = container.pop(key)
    elif action == "swap":
        others = list(container) if isinstance(container, dict) else range(len(container))
        other = others[edit["value"] % len(others)]
        container[key], container[other] = container[other], container[key]
    return document


def _edited(case: Mapping[str, Json]) -> Bundle:
    bundle = good_bundle(1)
    parts = {name: getattr(bundle, name) for name in DOCUMENTS}
    for edit in case["edits"]:
        parts[edit["document"]] = _apply(json.loads(json.dumps(parts[edit["document"]])), edit)
    edited = Bundle(*(parts[name] for name in DOCUMENTS))
    if case["derive"]:
        try:
            return summarized(edited)
        except (LanebenchError, LookupError, ValueError, TypeError, AttributeError, ArithmeticError):
            # The edited result cannot be computed; it is read as it is.
            return edited
    return edited


def _texts(bundle: Bundle) -> dict[str, str]:
    try:
        files = texts_of(bundle, indent=None)
    except (LanebenchError, LookupError, TypeError, ValueError, AttributeError):
        # The plan or a line is no longer what a chain can be made of.
        lines = {f"{name}.jsonl": getattr(bundle, name) for name in DOCUMENTS[1:]}
        files = {name: "".join(json.dumps(line) + "\n" for line in part) for name, part in lines.items()}
        files = {"result.json": json.dumps(bundle.result), **files}
    return files


def _splice(data: bytes, edit: Mapping[str, Json]) -> bytes:
    at = int(edit["at"] * len(data))
    return data[:at] + base64.b64decode(edit["data"]) + data[at + edit["cut"] :]


def write_case(folder: Path, case: Mapping[str, Json]) -> Path:
    """Write a case as a run folder with a plan and a manifest, or as a zip."""
    texts = _texts(_edited(case))
    texts[MANIFEST] = manifest_of(texts)
    files = {name: text.encode("utf-8", "surrogatepass") for name, text in texts.items()}
    files[PLAN] = to_json(as_document("run", run_plan())).encode()
    for edit in case["bytes"]:
        files[edit["file"]] = _splice(files[edit["file"]], edit)
    if case["zip"] is not None:
        del files[PLAN]
        path = zip_of(folder / "bundle.zip", dict(files))
        for edit in case["zip"]:
            path.write_bytes(_splice(path.read_bytes(), edit))
        return path
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def _outputs(path: Path) -> Iterator[str]:
    """What the commands would print of the path."""
    verdict, result = read_verified(path, VerifyOptions("reread", tasks=tasks()))
    yield render_verdict(verdict)
    yield to_json(verdict)
    is_consistent = all(report.state != "failed" for report in verdict.levels[:3])
    if result is not None and is_consistent:
        yield from (render(result) for render in (render_text, render_github, render_html))
        try:
            yield render_text_sections("", sections_of(compare(("a", _sound()), ("b", result))))
        except LanebenchError as error:
            yield error.message
    if path.is_dir():
        try:
            build_result(open_run(path))
        except LanebenchError as error:
            yield error.message


def _sound() -> Result:
    return build(Result, good_bundle(1).result)


def _bytes_printed(path: Path) -> int:
    return sum(len(plain_lines(output)) for output in _outputs(path))


@cache
def _sound_bytes() -> int:
    """What is printed of a sound bundle."""
    with tempfile.TemporaryDirectory() as folder:
        return _bytes_printed(write_case(Path(folder), {"edits": [], "derive": False, "bytes": [], "zip": []}))


def check(case: Mapping[str, Json]) -> None:
    """Whatever a file holds, reading it raises nothing, costs little, and prints little."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_case(Path(folder), case)
        limit = _sound_bytes() + MAX_MORE_BYTES
        start = time.process_time()
        printed = _bytes_printed(path)
        assert time.process_time() - start < MAX_CPU_S, "too slow"
        assert printed < limit, "too much output"


def corpus() -> list[Json]:
    """The cases that once failed, and a few that reach far."""
    return [json.loads(line) for line in CORPUS.read_text(encoding="utf-8").splitlines()]


def run(examples: int, number: int) -> None:
    """Check random cases. Raises what the smallest failing one raises, with the case as a note."""

    @seed(number)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def explore(case: Json) -> None:
        try:
            check(case)
        except Exception as error:
            error.add_note(f"{NOTE}{json.dumps(case)}")
            raise

    explore()


NOTE = "case: "


def main() -> int:
    """Fuzz for some minutes; exits with 1 at the first failure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4)))
    args = parser.parse_args()
    end, number = time.monotonic() + 60 * args.minutes, args.seed
    while time.monotonic() < end:
        print(f"seed {number}", flush=True)
        try:
            run(200, number)
        except Exception as error:
            case = next(note for note in error.__notes__ if note.startswith(NOTE)).removeprefix(NOTE)
            with CORPUS.open("a", encoding="utf-8") as file:
                file.write(case + "\n")
            raise
        number += 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
