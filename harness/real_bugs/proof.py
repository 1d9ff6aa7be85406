"""Proves on this machine that a bug's cases and the package's own tests tell its two states apart.

`states_of_bug` makes the states of an archive's tree: with the bug, and as released. `prove_bug` runs the cases and the
package's tests in both, five times with order, hash seed, time zone and locale varied.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.files import to_json
from harness.real_bugs.instances import PROBES, Bug, BugCase, BugInstance
from harness.repository_tasks import CONDITIONS, LIMITS, MAX_STATE_S, Proof, RejectionError, compare_states, layout_of
from harness.score import TestBed, TestRun, run_tests
from harness.trees import PatchError, apply_patch
from harness.types import Job, Json, Observation, Sandbox

MAX_GIVEN_BYTES = 48 * 1024
_SCRIPT = "lanebench_run.sh"
_PYTHON = """\
import json, sys, time
import lanebench_probe as probe
out = []
for name, call, args in json.load(sys.stdin):
    try:
        out.append([name, "value", getattr(probe, call)(*args)])
    except Exception as error:
        out.append([name, "raises", type(error).__name__])
print(json.dumps([time.process_time(), out]))
"""
_JAVASCRIPT = """\
const probe = require("./lanebench_probe.js");
const out = [];
for (const [name, call, args] of JSON.parse(require("fs").readFileSync(0, "utf8"))) {
  try {
    out.push([name, "value", probe[call](...args)]);
  } catch (error) {
    out.push([name, "raises", String(error)]);
  }
}
const { user, system } = process.cpuUsage();
console.log(JSON.stringify([(user + system) / 1e6, out]));
"""
_COMMANDS: Mapping[str, Sequence[str]] = {
    "python": ("python3", "-c", _PYTHON),
    "javascript": ("node", "-e", _JAVASCRIPT),
}


@dataclass(frozen=True, slots=True)
class BugStates:
    """The package's files with the bug, and as they were released; both with the probe."""

    before: Mapping[str, str]
    after: Mapping[str, str]


def states_of_bug(instance: BugInstance, bug: Bug, tree: Mapping[str, str]) -> BugStates:
    """The two states of an archive's tree. Raises RejectionError for a patch that does not fit or goes too far.

    It is raised, too, for an instance that leaves out all of the tests that the archive has.
    """
    if not instance.tests and has_tests(instance, tree):
        raise RejectionError("the archive has tests of the package, and the instance names none")
    for path in (*bug.files, *instance.tests):
        if path not in tree:
            raise RejectionError(f"the archive has no file {path}")
    if any("\r" in tree[path] for path in bug.files):
        raise RejectionError("changes a file with CRLF line endings")
    if sum(len(tree[path].encode()) for path in bug.files) > MAX_GIVEN_BYTES:
        raise RejectionError(f"the files that matter have more than {MAX_GIVEN_BYTES // 1024} KiB")
    try:
        broken = apply_patch(tree, bug.patch).files
    except PatchError as error:
        raise RejectionError(f"its patch does not apply: {error}") from error
    outside = [path for path in {*tree, *broken} if tree.get(path) != broken.get(path) and path not in bug.files]
    if outside:
        raise RejectionError(f"its patch changes {min(outside)}, which is not among its files")
    probe = {PROBES[instance.registry]: _probe_text(instance)}
    return BugStates({**broken, **probe}, {**tree, **probe})


def has_tests(instance: BugInstance, tree: Mapping[str, str]) -> bool:
    """Whether an archive has tests of its package: many of npm's have none."""
    return any(map(layout_of(instance.ecosystem, tree).holds_tests, tree))


def _probe_text(instance: BugInstance) -> str:
    """The probe, which finds the package from the tree's root."""
    found = instance.paths == (".",) or instance.registry != "pypi"
    return (
        instance.probe if found else f"import sys\n\nsys.path[:0] = {to_json(list(instance.paths))}\n{instance.probe}"
    )


def prove_bug(instance: BugInstance, bug: Bug, states: BugStates, sandbox: Sandbox) -> Proof:
    """The package's tests that the bug fails and those that it does not, and the slowest run.

    Raises RejectionError where a state does not behave as declared, EngineError.
    """
    seconds = max(
        _require_ends(instance, states.before, bug.fails, sandbox), _require_ends(instance, states.after, (), sandbox)
    )
    if not instance.tests:
        return Proof((), (), seconds)
    before, after = (test_bed(instance, files) for files in (states.before, states.after))
    (released,) = run_tests(after, [TestRun()], sandbox)
    if not released.passed:
        raise RejectionError(f"no test of {', '.join(instance.tests)} passes: {released.observation.status}")
    proof = compare_states(before, after, released.passed, sandbox)
    return Proof(proof.fixed, proof.still, max(seconds, proof.seconds))


def test_bed(instance: BugInstance, files: Mapping[str, str]) -> TestBed:
    """The package as its own tests run in it."""
    return TestBed(
        files,
        instance.tests,
        packages=instance.packages,
        paths=instance.paths,
        distribution=instance.distribution,
        runner=instance.runner,
        limits=LIMITS,
    )


def _require_ends(instance: BugInstance, files: Mapping[str, str], fails: Sequence[str], sandbox: Sandbox) -> float:
    """Run the cases under each of CONDITIONS; exactly these must fail. Returns the most CPU time of a run.

    Raises RejectionError, EngineError.
    """
    state = "with the bug" if fails else "as released"
    slowest = 0.0
    for observation in sandbox.run(_job(instance, files)):
        seconds, ends = _ends(observation, state)
        slowest = max(slowest, seconds)
        for case in instance.cases:
            if (ends.get(case.id) == _end(case)) != (case.id not in fails):
                got = ends.get(case.id, "not run")
                raise RejectionError(f"{state}, case {case.id} {'passes' if case.id in fails else f'gives {got}'}")
    if slowest > MAX_STATE_S:
        raise RejectionError(f"its cases take more than {MAX_STATE_S:.0f} s of CPU time")
    return slowest


def _job(instance: BugInstance, files: Mapping[str, str]) -> Job:
    runs = []
    for number, env in enumerate(CONDITIONS):
        cases = [[case.id, case.call, list(case.args)] for case in instance.cases]
        random.Random(number).shuffle(cases)
        words = ["env", *(f"{name}={value}" for name, value in env.items()), *_COMMANDS[instance.language]]
        runs.append((f"run-{number}", {"argv": words, "stdin": json.dumps(cases)}))
    return Job("bash", "program", _SCRIPT, {**files, _SCRIPT: 'exec "$@"\n'}, tuple(runs), LIMITS)


def _ends(observation: Observation, state: str) -> tuple[float, dict[str, str]]:
    """The CPU time of a run, and how each case ended as JSON. Raises RejectionError where it did not end by itself."""
    value = observation.value if isinstance(observation.value, dict) else {}
    try:
        seconds, ends = json.loads(str(value.get("stdout", "")))
        return float(seconds), {str(name): json.dumps([kind, found], sort_keys=True) for name, kind, found in ends}
    except (ValueError, TypeError) as error:
        detail = str(value.get("stderr", "")).strip().splitlines()[-1:] or [observation.status]
        raise RejectionError(f"{state}, its cases do not run: {detail[0][:200]}") from error


def _end(case: BugCase) -> str:
    value: Json = case.value
    return json.dumps(["value", value], sort_keys=True)
