"""Times schema validation of realistic files, run by hand: `python -m tests.bench_validation`.

Compares, in one run, jsonschema-rs with the hand-written predicate that it replaced (read from the git history) and
with jsonschema, the reference implementation. `validate` is what the kit calls: jsonschema-rs and a walk over all
numbers.
"""

import copy
import json
import subprocess
import sys
import tempfile
import time
import types
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema_rs
from jsonschema import Draft202012Validator

from harness.files import read_json, read_lines
from harness.schema import load_schema, validate
from harness.types import Json
from tests.example import write_run

PREDICATE = "460f9da:harness/schema/quick.py"
"""The last commit that had the hand-written predicate."""
CHUNKS = 2000
TRIALS = 1800
"""Four models on nine tasks, fifty trials each."""
REPEATS = 5


def _documents() -> dict[str, Json]:
    """A result of many trials and a recording of many chunks, enlarged from the example run."""
    with tempfile.TemporaryDirectory() as folder:
        run = write_run(Path(folder) / "run")
        result = read_json(run / "result.json")
        recording = next(iter(read_lines(run / "recordings.jsonl")))[1]
    trials, chunks = result["trials"], recording["chunks"]
    result["trials"] = [copy.deepcopy(trials[at % len(trials)]) for at in range(TRIALS)]
    recording["chunks"] = [dict(chunks[at % len(chunks)]) for at in range(CHUNKS)]
    return {"result": result, "recording": recording}


def _hand_written() -> Any:
    """The module of the hand-written predicate; None where the history is not there."""
    shown = subprocess.run(["git", "show", PREDICATE], capture_output=True, text=True, check=False)
    if shown.returncode != 0:
        return None
    module = types.ModuleType("quick")
    sys.modules[module.__name__] = module
    exec(compile(shown.stdout, PREDICATE, "exec"), module.__dict__)
    return module


def _fastest_ms(check: Callable[[], object]) -> float:
    """The fastest of some repeats: the others were disturbed."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        check()
        times.append(1000 * (time.perf_counter() - start))
    return min(times)


def main() -> None:
    hand_written = _hand_written()
    for name, document in _documents().items():
        schema = load_schema(name)
        rust, reference = jsonschema_rs.validator_for(schema), Draft202012Validator(schema)
        checks: dict[str, Callable[[], object]] = {
            "jsonschema-rs": partial(rust.is_valid, document),
            "validate": partial(validate, name, document),
            "jsonschema": partial(reference.is_valid, document),
        }
        if hand_written is not None:
            checks["hand-written"] = partial(hand_written.quick_check(schema), document)
        assert validate(name, document) == []
        times = {label: _fastest_ms(check) for label, check in checks.items()}
        print(f"{name}: {len(json.dumps(document)) / 1e6:.1f} MB")
        for label, milliseconds in times.items():
            print(f"  {label:14} {milliseconds:9.2f} ms   {milliseconds / times['jsonschema-rs']:6.1f}")


if __name__ == "__main__":
    main()
