"""The sandbox on the real engine: what single drivers do, what answers cannot do to it, and what its own errors are."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from harness.errors import EngineError
from harness.sandbox import DockerSandbox, ensure_engine, open_sandbox
from harness.sandbox.container import Container
from harness.sandbox.runner import run_job
from harness.score import score
from harness.score.execute import Driver
from harness.tasks import readings_of, vary
from harness.types import Job, Json, Outcome
from tests.language_samples import PATIENT, PYTHON, QUICK, SAMPLES, SQL, ends, job_of, typed, values
from tests.samples import kit_tasks

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def sandbox() -> Iterator[DockerSandbox]:
    with open_sandbox("test", print, [sample.language for sample in SAMPLES]) as opened:
        yield opened


def test_what_an_answer_finds_out_about_the_machine_is_not_published(sandbox: DockerSandbox) -> None:
    code = """
import os
def told(path):
    return list(os.uname())[2:4] if path == "uname" else open(path).read()
"""
    paths = ("uname", "/proc/version", "/proc/cmdline", "/proc/sys/kernel/osrelease", "/proc/sys/kernel/version")
    observations = sandbox.run(job_of(PYTHON, [("told", path) for path in paths], code=code))
    assert observations[0].value == ["(kernel)", "(kernel)"]
    assert all(secret not in str(observations) for secret in sandbox.secrets)
    assert [observation.value for observation in observations[1:]] == [""] * 4
    code = "import os\ndef told(found):\n    found.append(os.uname().release)\n"
    give = {"call": "told", "args": [[]], "report_args": True}
    (observation,) = sandbox.run(replace(job_of(PYTHON, [], code=code), cases=(("c0", give),)))
    assert observation.args_after == [["(kernel)"]]


def test_cases_that_are_slow_each_use_up_the_time_of_the_trial(sandbox: DockerSandbox) -> None:
    code = "import time\n\ndef nap(x):\n    time.sleep(0.5)\n    return x\n"
    job = replace(job_of(PYTHON, [("nap", str(number)) for number in range(12)], code=code), time_s=1.8)
    observations = sandbox.run(job)
    assert ends(observations)[:2] == ["returned", "returned"]
    assert ends(observations)[4:] == ["timed_out"] * 8
    assert observations[-1].note == "not run: the cases before took 2 s"


def test_sql_gives_rows_with_their_types(sandbox: DockerSandbox) -> None:
    gives = [*SQL.values, *SQL.typed]
    cases = tuple((str(at), {"call": "rows", "args": ["", value]}) for at, value in enumerate(gives))
    observations = sandbox.run(Job("sql", "calls", SQL.entry, {SQL.entry: SQL.code}, cases, PATIENT))
    assert [typed(value) for value in values(observations)] == [typed([[value, "a;b"]]) for value in gives]


def test_sql_that_changes_a_database_is_queried_afterwards_and_its_errors_are_named(sandbox: DockerSandbox) -> None:
    setup = "CREATE TABLE t (n INTEGER UNIQUE); INSERT INTO t VALUES (1);"
    code = "INSERT INTO t VALUES (2); INSERT INTO t SELECT n + 2 FROM t"
    look = {"call": "after", "args": [setup, "SELECT n FROM t ORDER BY n"]}
    full = {"call": "after", "args": [setup + "INSERT INTO t VALUES (4);", "SELECT 1"]}
    observations = sandbox.run(Job("sql", "calls", SQL.entry, {SQL.entry: code}, (("a", look), ("b", full)), PATIENT))
    assert observations[0].value == [[1], [2], [3], [4]]
    assert (observations[1].status, observations[1].note) == ("raised", "IntegrityError")


@pytest.mark.parametrize("begin", ["BEGIN", "BEGIN IMMEDIATE", "SAVEPOINT s"])
def test_sql_that_commits_nothing_has_changed_nothing(sandbox: DockerSandbox, begin: str) -> None:
    look = {"call": "after", "args": ["CREATE TABLE t (n); INSERT INTO t VALUES (1);", "SELECT n FROM t"]}
    committed = "RELEASE s" if begin.startswith("SAVEPOINT") else "COMMIT"
    codes = [f"{begin}; UPDATE t SET n = 2", f"{begin}; UPDATE t SET n = 2; {committed}"]
    jobs = [Job("sql", "calls", SQL.entry, {SQL.entry: code}, (("a", look),), PATIENT) for code in codes]
    assert [sandbox.run(job)[0].value for job in jobs] == [[[1]], [[2]]]


def test_views_that_are_not_committed_are_no_answer_to_a_task(sandbox: DockerSandbox) -> None:
    variant = vary(kit_tasks()["code-new-sql"], 0)
    (solution,) = variant.solution
    uncommitted = solution.replace("CREATE VIEW", "BEGIN;\nCREATE VIEW", 1)
    outcomes = [score(variant, readings_of([text]), sandbox).outcome for text in (solution, uncommitted)]
    assert outcomes == [Outcome.PASSED, Outcome.FAILED]


@pytest.mark.parametrize("folder", ["/work", "/tmp", "/dev/shm"])
def test_a_case_of_sql_finds_no_database_of_another(sandbox: DockerSandbox, folder: str) -> None:
    code = f"""
        ATTACH '{folder}/left.db' AS left; CREATE TABLE IF NOT EXISTS left.cases (n); INSERT INTO left.cases VALUES (1);
        SELECT count(*) FROM left.cases
    """
    cases = tuple((name, {"call": "rows", "args": [""]}) for name in "abc")
    found = sandbox.run(Job("sql", "calls", SQL.entry, {SQL.entry: code}, cases, PATIENT))
    assert [one.value for one in found] == [[[1]]] * 3


@pytest.mark.parametrize("folder", ["/work", "/tmp", "/dev/shm"])
def test_a_case_of_bash_finds_no_file_of_another(sandbox: DockerSandbox, folder: str) -> None:
    mode = f"chmod 500 {folder} 2> /dev/null || true"
    code = f"count() {{ echo x >> {folder}/left; wc -l < {folder}/left; rm -f *.sh; {mode}; }}"
    cases = tuple((name, {"call": "count"}) for name in "abc")
    found = sandbox.run(Job("bash", "calls", "answer.sh", {"answer.sh": code}, cases, PATIENT))
    assert [one.value for one in found] == ["1"] * 3


def test_what_bash_does_when_it_is_sourced_to_look_for_functions_is_no_trace_for_a_case(sandbox: DockerSandbox) -> None:
    code = "echo x >> left\ncount() { wc -l < left; }"
    cases = tuple((name, {"call": "count"}) for name in "ab")
    found = sandbox.run(Job("bash", "calls", "answer.sh", {"answer.sh": code}, cases, PATIENT))
    assert [one.value for one in found] == ["1"] * 2


def test_a_query_without_end_times_out(sandbox: DockerSandbox) -> None:
    code = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"
    job = Job("sql", "calls", SQL.entry, {SQL.entry: code}, (("a", {"call": "rows", "args": [""]}),), QUICK)
    assert ends(sandbox.run(job)) == ["timed_out"]


def test_classes_that_derive_from_plain_types_never_equal_them_and_cannot_lie(sandbox: DockerSandbox) -> None:
    code = """
import collections, enum
class Sly(int):
    def __eq__(self, other): return True
    def __repr__(self): return "7"
    def __int__(self): return 7
class Level(enum.IntEnum): LOW = 1
class Thing: pass
Point = collections.namedtuple("Point", "x y")
def sly(): return Sly(3)
def level(): return Level.LOW
def point(): return Point(1, 2)
def count(): return collections.Counter("aab")
def thing(): return Thing()
def forever():
    held = []; held.append(held); return held
def digits(): return 10 ** 1_000_000
def wide(): return list(range(1_000_000))
"""
    names = ("sly", "level", "point", "count", "thing", "forever", "digits", "wide")
    cases = tuple((name, {"call": name}) for name in names)
    observed = {
        case.case: case.value for case in sandbox.run(Job("python", "calls", "a.py", {"a.py": code}, cases, PATIENT))
    }
    oversize = {"$": "oversize", "v": None}
    assert observed == {
        "sly": {"$": "subclass", "of": "int", "name": "Sly", "v": 3},
        "level": {"$": "subclass", "of": "int", "name": "Level", "v": 1},
        "point": {"$": "subclass", "of": "tuple", "name": "Point", "v": {"$": "tuple", "v": [1, 2]}},
        "count": {"$": "subclass", "of": "dict", "name": "Counter", "v": {"a": 2, "b": 1}},
        "thing": {"$": "other", "v": "Thing"},
        "forever": oversize,
        "digits": oversize,
        "wide": oversize,
    }


def test_javascript_objects_are_encoded_without_calling_their_methods(sandbox: DockerSandbox) -> None:
    code = """
class Box { constructor() { this.held = 1; } toJSON() { return 7; } }
function boxed() { return new Box(); }
function getter() { return { get x() { return 7; } }; }
function proxy() { return new Proxy({}, { get: () => 7 }); }
function number() { return new Number(7); }
function holes() { return [1, , 3]; }
function bare() { return Object.assign(Object.create(null), { a: 1 }); }
async function later() { await new Promise((go) => setTimeout(go, 10)); return 7; }
function forever() { const held = []; held.push(held); return held; }
exports.boxed = boxed;
"""
    names = ("boxed", "getter", "proxy", "number", "holes", "bare", "later", "forever")
    cases = tuple((name, {"call": name}) for name in names)
    observed = {
        case.case: case.value
        for case in sandbox.run(Job("javascript", "calls", "a.js", {"a.js": code}, cases, PATIENT))
    }
    assert observed == {
        "boxed": {"$": "subclass", "of": "dict", "name": "Box", "v": {"held": 1}},
        "getter": {"x": {"$": "other", "v": "accessor"}},
        "proxy": {"$": "other", "v": "Proxy"},
        "number": {"$": "other", "v": "Number"},
        "holes": [1, {"$": "undefined", "v": None}, 3],
        "bare": {"a": 1},
        "later": 7,
        "forever": {"$": "oversize", "v": None},
    }


@pytest.mark.parametrize(
    "code",
    [
        "exports.f = (x) => x;",
        "module.exports = { f: (x) => x };",
        "module.exports = function f(x) { return x; };",
        "const f = (x) => x;",
        "export function f(x) { return x; }",
        "export default function f(x) { return x; }",
        "import fs from 'node:fs';\nconst f = (x) => x;",
        "#!/usr/bin/env node\nfunction f(x) { return x; }",
    ],
)
def test_a_javascript_function_is_found_however_it_is_offered(sandbox: DockerSandbox, code: str) -> None:
    cases = (("a", {"call": "f", "args": [1]}),)
    assert sandbox.run(Job("javascript", "calls", "answer.js", {"answer.js": code}, cases, PATIENT))[0].value == 1


def test_a_user_limit_that_one_answer_uses_up_is_not_reached_by_another_beside_it(sandbox: DockerSandbox) -> None:
    """Watches are counted for each user of the machine, and 128 are the usual limit."""
    hoard = "import ctypes, time\nwatch = ctypes.CDLL(None).inotify_init1\ndef f():\n    n = 0\n"
    hoard += "    while watch(0) >= 0: n += 1\n    time.sleep(2)\n    return n\n"
    honest = "function f() { require('fs').watch('/work').close(); return require('os').userInfo().username; }"
    greedy = Job("python", "calls", "a.py", {"a.py": hoard}, (("a", {"call": "f"}),), PATIENT)
    modest = Job(
        "javascript", "calls", "a.js", {"a.js": honest}, tuple((str(at), {"call": "f"}) for at in range(9)), PATIENT
    )
    with ThreadPoolExecutor(1) as threads:
        watches = threads.submit(sandbox.run, greedy)
        names = [name for _ in range(8) for name in values(sandbox.run(modest))]
    assert watches.result()[0].value >= 64
    assert set(names) == {"scorer"}


def test_many_threads_get_their_own_answers(sandbox: DockerSandbox) -> None:
    jobs = [job_of(PYTHON, [("same", number)]) for number in range(12)]
    with ThreadPoolExecutor(4) as threads:
        observations = list(threads.map(sandbox.run, jobs))
    assert [observed[0].value for observed in observations] == list(range(12))


def test_a_language_that_was_not_opened_is_an_engine_error(sandbox: DockerSandbox) -> None:
    with pytest.raises(EngineError, match="opened without 'cobol'"):
        sandbox.run(Job("cobol", "calls", "a", {"a": ""}, (("a", {}),), PATIENT))


@pytest.mark.parametrize("language", ["python", "javascript", "bash", "sql"])
def test_an_answer_that_is_larger_than_its_folder_is_not_loaded_and_no_engine_error(
    sandbox: DockerSandbox, language: str
) -> None:
    limits = replace(PATIENT, disk_bytes=1024 * 1024)
    for size in (2 * limits.disk_bytes, limits.disk_bytes - 1):
        job = Job(language, "calls", "a", {"a": " " * size, "b": "x"}, (("a", {"call": "f"}),), limits)
        (observation,) = sandbox.run(job)
        assert observation.status in ("not_loaded", "crashed")


@pytest.mark.parametrize("name", ["a/b", "b\x00c", "x" * 300, "."])
@pytest.mark.parametrize(("language", "driver"), [("python", "calls"), ("javascript", "calls"), ("python", "program")])
def test_a_file_that_no_folder_can_hold_is_no_engine_error(
    sandbox: DockerSandbox, name: str, language: str, driver: Driver
) -> None:
    give: Json = {"call": "f"} if driver == "calls" else {}
    job = Job(language, driver, "a", {"a": "", name: ""}, (("a", give), ("b", give)), PATIENT)
    assert set(ends(sandbox.run(job))) == {"crashed"}


def test_a_job_without_cases_has_no_observations(sandbox: DockerSandbox) -> None:
    assert sandbox.run(job_of(PYTHON, [])) == ()


def test_the_facts_describe_the_engine_and_the_image(sandbox: DockerSandbox) -> None:
    assert sandbox.facts.image.startswith("lanebench-scorer:base-")
    assert sandbox.facts.image_digest.startswith("sha256:")
    assert sandbox.facts.cgroup_version in ("1", "2")


def test_a_runtime_that_the_engine_lacks_is_refused_with_those_it_has() -> None:
    with (
        pytest.raises(EngineError, match=r"'nonesuch' is not one of this engine's \(.*runc"),
        open_sandbox("test", print, ["python"], runtime="nonesuch"),
    ):
        pass


def test_a_container_that_ends_before_it_takes_its_job_is_an_engine_error(sandbox: DockerSandbox) -> None:
    engine = ensure_engine(print)
    kind = sandbox.container_kind(job_of(PYTHON, [("same", 1)]))
    broken = replace(kind, image=kind.image.replace("lanebench-scorer:base", "lanebench-scorer:gone"))
    with pytest.raises(EngineError, match=r"creating a container.*lanebench-scorer:gone"):
        Container(engine, broken, sandbox.pool.labels)
    bare = replace(kind, image="debian:trixie-slim")
    job = job_of(PYTHON, [("same", 1)])
    with pytest.raises(EngineError, match=r"starting a container|before it took its job"):
        run_job(sandbox.pool, bare, job)
