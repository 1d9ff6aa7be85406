"""The calls drivers on the real engine: arguments after a call, exceptions by type, calls that no function takes."""

from collections.abc import Iterator, Mapping

import pytest

from harness.languages import LANGUAGES
from harness.sandbox import DockerSandbox, open_sandbox
from harness.score.compare import equality_of, is_equal
from harness.types import Job, Json, Limits, Observation

pytestmark = pytest.mark.engine

BASES = ["Exception", "BaseException"]
LIMITS = Limits(load_timeout_s=60.0, case_timeout_s=30.0)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[DockerSandbox]:
    with open_sandbox("test-calls", print, LANGUAGES) as opened:
        yield opened


def run(sandbox: DockerSandbox, language: str, code: str, *gives: Mapping[str, Json]) -> tuple[Observation, ...]:
    entry = LANGUAGES[language].entry
    cases = tuple((f"c{index}", give) for index, give in enumerate(gives))
    return sandbox.run(Job(language, "calls", entry, {entry: code}, cases, LIMITS))


def reported(name: str, *args: Json) -> Json:
    return {"call": name, "args": list(args), "report_args": True}


# --- arguments after the call ---------------------------------------------------------------------------------------

PYTHON_LISTS = """
def keep(items, k): return sorted(items)[k]
def sort(items, k): items.sort(); return items[k]
def append(items, k): items.append([k]); raise KeyError(k)
def rebind(items, k): items = []; return items
def nest(items, k): items[0].add(k); return None
def endless(items, k): items.append(items); return 1
async def later(items, k): items.clear(); return 2
"""
JAVASCRIPT_LISTS = """
function keep(items, k) { return [...items].sort()[k]; }
function sort(items, k) { return items.sort()[k]; }
function append(items, k) { items.push([k]); throw new RangeError(k); }
function rebind(items, k) { items = []; return items; }
async function later(items, k) { await null; items.length = 0; return 2; }
module.exports = { keep, sort, append, rebind, later };
"""
TYPESCRIPT_LISTS = """
export function keep(items: number[], k: number): number { return [...items].sort()[k]; }
export function sort(items: number[], k: number): number { return items.sort()[k]; }
export function append(items: unknown[], k: number): number { items.push([k]); throw new RangeError(String(k)); }
"""
GO_LISTS = """
package answer

import "sort"

func keep(items []int, k int) int { copied := append([]int(nil), items...); sort.Ints(copied); return copied[k] }
func sortAll(items []int, k int) int { sort.Ints(items); return items[k] }
func point(items *[]int, k int) int { *items = append(*items, k); return k }
func fill(counts map[string]int, k int) (int, error) { counts["new"] = k; panic("late") }
func spread(items ...int) int { items[0] = 9; return len(items) }
"""
RUST_LISTS = """
use std::collections::BTreeMap;
pub fn keep(items: &[i64], k: usize) -> i64 { let mut copied = items.to_vec(); copied.sort(); copied[k] }
pub fn moved(mut items: Vec<i64>, k: usize) -> i64 { items.sort(); items[k] }
pub fn slice(items: &mut [i64], k: usize) -> i64 { items.sort(); items[k] }
pub fn grow(items: &mut Vec<i64>, k: i64) -> Result<i64, String> { items.push(k); Err("late".to_string()) }
pub fn fill(counts: &mut BTreeMap<String, i64>, k: i64) -> i64 { counts.insert("new".to_string(), k); panic!("late") }
pub fn text(word: &mut String, share: f64) -> f64 { word.push('!'); share }
"""
PRINTING = """
import os, sys
def quiet(): return 1
def prints(): print("é"); return 1
def complains(): print("no", file=sys.stderr)
def writes(): os.write(1, b"\\xff")
def runs(): os.system("echo sub")
def much(): print("x" * 9999)
def fails(): sys.stdout.write("then"); raise KeyError
def replaces(): sys.stdout = None
"""
PRINTED = {
    "quiet": "", "prints": "é\n", "complains": "no\n", "writes": "\ufffd", "runs": "sub\n", "much": "x" * 200,
    "fails": "then", "replaces": "",
}  # fmt: skip


def test_what_a_call_prints_is_reported_where_it_is_asked_for(sandbox: DockerSandbox) -> None:
    calls = [{"call": name, "report_output": True} for name in PRINTED]
    found = run(sandbox, "python", PRINTING, *calls, {"call": "quiet"})
    assert [seen.output for seen in found] == [*PRINTED.values(), None]
    assert [seen.status for seen in found if seen.status != "returned"] == ["raised"]


def test_what_was_printed_before_a_call_is_not_reported_as_its_output(sandbox: DockerSandbox) -> None:
    code = "print('loaded')\ndef prints(): print('called')\ndef quiet(): return 1\n"
    _, found = run(sandbox, "python", code, {"call": "prints"}, {"call": "quiet", "report_output": True})
    assert found.output == ""


DATES = {
    "2024-01-02": "date",
    "10:30:00": "time",
    "10:30:00+02:00": "time",
    "2024-01-02T00:00:00": "datetime",
    "2024-01-02T00:00:00.000Z": "datetime",
}


def test_a_date_a_time_and_both_arrive_as_their_own_types(sandbox: DockerSandbox) -> None:
    gives = [{"call": "f", "args": [{"$": "date", "v": text}]} for text in DATES]
    found = run(sandbox, "python", "def f(given): return type(given).__name__\n", *gives)
    assert [seen.value for seen in found] == list(DATES.values())


def test_sets_of_sets_arrive_as_frozen_sets(sandbox: DockerSandbox) -> None:
    nested: Json = {"$": "set", "v": [{"$": "set", "v": [1]}, {"$": "tuple", "v": [{"$": "set", "v": [2]}]}]}
    code = "def f(given): return given == {frozenset({1}), (frozenset({2}),)} and type(given) is set\n"
    [seen] = run(sandbox, "python", code, {"call": "f", "args": [nested]})
    assert seen.value is True


AFTER = [
    ("python", PYTHON_LISTS, "keep", [[3, 1, 2], 0], 1, [[3, 1, 2], 0]),
    ("python", PYTHON_LISTS, "sort", [[3, 1, 2], 0], 1, [[1, 2, 3], 0]),
    ("python", PYTHON_LISTS, "append", [[3], 0], ["KeyError", "LookupError", *BASES], [[3, [0]], 0]),
    ("python", PYTHON_LISTS, "rebind", [[3], 0], [], [[3], 0]),
    ("python", PYTHON_LISTS, "nest", [[{"$": "set", "v": [1]}], 2], None, [[{"$": "set", "v": [1, 2]}], 2]),
    ("python", PYTHON_LISTS, "endless", [[3], 0], 1, {"$": "oversize", "v": None}),
    ("python", PYTHON_LISTS, "later", [[3], 0], 2, [[], 0]),
    ("javascript", JAVASCRIPT_LISTS, "keep", [[3, 1, 2], 0], 1, [[3, 1, 2], 0]),
    ("javascript", JAVASCRIPT_LISTS, "sort", [[3, 1, 2], 0], 1, [[1, 2, 3], 0]),
    ("javascript", JAVASCRIPT_LISTS, "append", [[3], 0], ["RangeError", "Error"], [[3, [0]], 0]),
    ("javascript", JAVASCRIPT_LISTS, "rebind", [[3], 0], [], [[3], 0]),
    ("javascript", JAVASCRIPT_LISTS, "later", [[3], 0], 2, [[], 0]),
    ("typescript", TYPESCRIPT_LISTS, "keep", [[3, 1, 2], 0], 1, [[3, 1, 2], 0]),
    ("typescript", TYPESCRIPT_LISTS, "sort", [[3, 1, 2], 0], 1, [[1, 2, 3], 0]),
    ("typescript", TYPESCRIPT_LISTS, "append", [[3], 0], ["RangeError", "Error"], [[3, [0]], 0]),
    ("go", GO_LISTS, "keep", [[3, 1, 2], 0], 1, [[3, 1, 2], 0]),
    ("go", GO_LISTS, "sortAll", [[3, 1, 2], 0], 1, [[1, 2, 3], 0]),
    ("go", GO_LISTS, "point", [[3], 7], 7, [[3, 7], 7]),
    ("go", GO_LISTS, "fill", [{"a": 1}, 7], ["panic"], [{"a": 1, "new": 7}, 7]),
    ("go", GO_LISTS, "spread", [1, 2], 2, [1, 2]),
    ("rust", RUST_LISTS, "keep", [[3, 1, 2], 0], 1, [[3, 1, 2], 0]),
    ("rust", RUST_LISTS, "moved", [[3, 1, 2], 0], 1, [[3, 1, 2], 0]),
    ("rust", RUST_LISTS, "slice", [[3, 1, 2], 0], 1, [[1, 2, 3], 0]),
    ("rust", RUST_LISTS, "grow", [[3], 7], ["Err"], [[3, 7], 7]),
    ("rust", RUST_LISTS, "fill", [{"a": 1}, 7], ["panic"], [{"a": 1, "new": 7}, 7]),
    ("rust", RUST_LISTS, "text", ["a", 2.0], 2.0, ["a!", 2.0]),
]  # fmt: skip


@pytest.mark.parametrize(("language", "code", "name", "args", "value", "after"), AFTER)
def test_arguments_are_reported_as_they_are_after_the_call(
    sandbox: DockerSandbox, language: str, code: str, name: str, args: Json, value: Json, after: Json
) -> None:
    (observation,) = run(sandbox, language, code, reported(name, *args))
    assert (observation.value, observation.args_after) == (value, after)


@pytest.mark.parametrize(
    ("language", "code"),
    [("python", PYTHON_LISTS), ("javascript", JAVASCRIPT_LISTS), ("go", GO_LISTS), ("rust", RUST_LISTS)],
)
def test_arguments_are_not_reported_where_no_case_asks(sandbox: DockerSandbox, language: str, code: str) -> None:
    (observation,) = run(sandbox, language, code, {"call": "keep", "args": [[2, 1], 0]})
    assert (observation.value, observation.args_after) == (1, None)


# --- exceptions by type ---------------------------------------------------------------------------------------------

PYTHON_ERRORS = """
import builtins, json
real = ValueError
def plain(x): raise ValueError(x)
def derived(x):
    class Sub(real): pass
    raise Sub(x)
def decode(x): return json.loads("{")
ValueError = type("ValueError", (Exception,), {})
Renamed = type("Renamed", (Exception,), {})
Renamed.__name__ = Renamed.__qualname__ = "KeyError"
Renamed.__module__ = "builtins"
class Meta(type):
    def __eq__(cls, other): return True
    def __hash__(cls): return hash(real)
class Sly(Exception, metaclass=Meta): pass
Sly.__qualname__ = "ValueError"
class Wanted(Exception): pass
def shadow(x): raise ValueError(x)
def renamed(x): raise Renamed(x)
def equal(x): raise Sly(x)
def replaced(x): raise builtins.IndexError(x)
builtins.IndexError = Wanted
def wanted(x): raise Wanted(x)
"""
MARKED = " (not the built-in)"
JAVASCRIPT_ERRORS = """
class Sub extends RangeError {}
class Wanted extends Error {}
function plain(x) { throw new RangeError(x); }
function derived(x) { throw new Sub(x); }
function wanted(x) { throw new Wanted(x); }
function own(x) { const made = { RangeError: class extends Error {} }; throw new made.RangeError(x); }
function literal(x) { throw { name: "RangeError", message: "x" }; }
function named(x) { const error = new Error(x); error.name = "RangeError"; throw error; }
function realm(x) { return require("node:vm").runInNewContext("throw new RangeError('x')"); }
function hidden(x) { throw Object.defineProperty(new Error(x), "constructor", { value: RangeError }); }
function moved(x) { Object.setPrototypeOf(TypeError.prototype, RangeError.prototype); throw new TypeError(x); }
function replaced(x) { globalThis.RangeError = class RangeError extends Error {}; throw new globalThis.RangeError(x); }
module.exports = { plain, derived, wanted, own, literal, named, realm, hidden, moved, replaced };
"""
GO_ERRORS = """
package answer

import "errors"

type Error interface{ Error() string }

func plain(x string) (string, error) { return "", errors.New(x) }
func own(x string) (string, Error) { return "", errors.New(x) }
func panics(x string) string { panic(x) }
"""
RUST_ERRORS = """
pub struct Mine;
impl ::lanebench::Encode for Mine {
    fn encode(&self, out: &mut String) { out.push_str("1"); }
    fn is_failure(&self) -> bool { true }
}
pub fn plain(x: &str) -> Result<i64, String> { Err(x.to_string()) }
pub fn own(_x: &str) -> Mine { Mine }
pub fn panics(x: &str) -> i64 { panic!("{x}") }
"""
RAISED = [
    ("python", PYTHON_ERRORS, "derived", ["derived.<locals>.Sub", "ValueError", *BASES]),
    ("python", PYTHON_ERRORS, "decode", ["JSONDecodeError", "ValueError", *BASES]),
    ("python", PYTHON_ERRORS, "plain", ["ValueError" + MARKED, *BASES]),
    ("python", PYTHON_ERRORS, "shadow", ["ValueError" + MARKED, *BASES]),
    ("python", PYTHON_ERRORS, "renamed", ["KeyError" + MARKED, *BASES]),
    ("python", PYTHON_ERRORS, "equal", ["ValueError" + MARKED, *BASES]),
    ("python", PYTHON_ERRORS, "replaced", ["Wanted", *BASES]),
    ("python", PYTHON_ERRORS, "wanted", ["Wanted", *BASES]),
    ("python", "def plain(x): raise ValueError(x)", "plain", ["ValueError", *BASES]),
    ("javascript", JAVASCRIPT_ERRORS, "plain", ["RangeError", "Error"]),
    ("javascript", JAVASCRIPT_ERRORS, "derived", ["Sub", "RangeError", "Error"]),
    ("javascript", JAVASCRIPT_ERRORS, "wanted", ["Wanted", "Error"]),
    ("javascript", JAVASCRIPT_ERRORS, "own", ["RangeError" + MARKED, "Error"]),
    ("javascript", JAVASCRIPT_ERRORS, "literal", ["Object"]),
    ("javascript", JAVASCRIPT_ERRORS, "named", ["Error"]),
    ("javascript", JAVASCRIPT_ERRORS, "hidden", ["Error"]),
    ("javascript", JAVASCRIPT_ERRORS, "moved", ["TypeError", "Error"]),
    ("javascript", JAVASCRIPT_ERRORS, "replaced", ["RangeError" + MARKED, "Error"]),
    ("go", GO_ERRORS, "plain", ["error"]),
    ("go", GO_ERRORS, "panics", ["panic"]),
    ("rust", RUST_ERRORS, "plain", ["Err"]),
    ("rust", RUST_ERRORS, "panics", ["panic"]),
]


@pytest.mark.parametrize(("language", "code", "name", "names"), RAISED)
def test_an_exception_is_known_by_its_type_and_not_by_its_name(
    sandbox: DockerSandbox, language: str, code: str, name: str, names: list[str]
) -> None:
    (observation,) = run(sandbox, language, code, {"call": name, "args": ["x"]})
    assert (observation.status, observation.value, observation.note) == ("raised", names, names[0])


def test_an_error_of_another_realm_is_not_the_built_in(sandbox: DockerSandbox) -> None:
    (observation,) = run(sandbox, "javascript", JAVASCRIPT_ERRORS, {"call": "realm", "args": ["x"]})
    assert observation.status == "raised"
    assert "RangeError" not in observation.value


@pytest.mark.parametrize(("language", "code"), [("go", GO_ERRORS), ("rust", RUST_ERRORS)])
def test_a_type_that_imitates_the_language_s_error_is_a_value(sandbox: DockerSandbox, language: str, code: str) -> None:
    (observation,) = run(sandbox, language, code, {"call": "own", "args": ["x"]})
    assert observation.status == "returned"


# --- calls that no function takes -------------------------------------------------------------------------------------

PYTHON_CALLS = """
import functools
value = 3
def one(first): return first
def two(first, second=0, *, third=0): return [first, second, third]
def inner(first): return [] + first
def wrap(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs): return function(*args, **kwargs)
    return wrapper
wrapped = wrap(lambda first: first)
ordered = sorted
class Thing:
    def __init__(self, size): self.size = size
    @staticmethod
    def double(x): return 2 * x
def __getattr__(name): raise ValueError(name) if name == "ghost" else AttributeError(name)
"""
CALLS = [
    ("python", PYTHON_CALLS, {"call": "absent", "args": [1]}),
    ("python", PYTHON_CALLS, {"call": "ghost", "args": [1]}),
    ("python", PYTHON_CALLS, {"call": "Thing.absent", "args": [1]}),
    ("python", PYTHON_CALLS, {"call": "value", "args": [1]}),
    ("python", PYTHON_CALLS, {"call": "one", "args": [1, 2]}),
    ("python", PYTHON_CALLS, {"call": "one", "args": []}),
    ("python", PYTHON_CALLS, {"call": "one", "kwargs": {"other": 1}}),
    ("python", PYTHON_CALLS, {"call": "two", "args": [1], "kwargs": {"first": 1}}),
    ("python", PYTHON_CALLS, {"call": "two", "args": [1, 2, 3]}),
    ("python", PYTHON_CALLS, {"call": "wrapped", "args": [1, 2]}),
    ("python", PYTHON_CALLS, {"call": "ordered", "args": [[1], 2]}),
    ("python", PYTHON_CALLS, {"call": "Thing", "args": []}),
    ("python", PYTHON_CALLS, {"call": "Thing.double", "args": []}),
    ("javascript", "exports.value = 3; class Thing {}", {"call": "absent", "args": [1]}),
    ("javascript", "exports.value = 3; class Thing {}", {"call": "value", "args": [1]}),
    ("javascript", "exports.value = 3; class Thing {}", {"call": "Thing", "args": []}),
    ("javascript", "exports.value = 3; class Thing {}", {"call": "absent.part.of", "args": []}),
    ("typescript", "export const value: number = 3;", {"call": "absent", "args": [1]}),
    ("go", "package a\n\nfunc one(x uint8) uint8 { return x }", {"call": "one", "args": []}),
    ("go", "package a\n\nfunc one(x uint8) uint8 { return x }", {"call": "one", "args": [1, 2]}),
    ("go", "package a\n\nfunc one(x uint8) uint8 { return x }", {"call": "one", "args": [-1]}),
    ("go", "package a\n\nvar one = 3", {"call": "one", "args": []}),
    ("rust", "pub fn one(x: u8) -> u8 { x }", {"call": "one", "args": [-1]}),
    ("rust", "pub fn one(x: u8) -> u8 { x }", {"call": "one", "args": ["a"]}),
    ("bash", "one() { true; }", {"call": "absent", "args": []}),
    ("bash", "one() { true; }", {"call": "ls", "args": []}),
    ("bash", "exit 3", {"call": "one", "args": []}),
    ("bash", "one() { true; }; exit 3", {"call": "one", "args": []}),
]


@pytest.mark.parametrize(("language", "code", "give"), CALLS)
def test_a_call_that_no_function_takes_raises_nothing(
    sandbox: DockerSandbox, language: str, code: str, give: Mapping[str, Json]
) -> None:
    (observation,) = run(sandbox, language, code, give)
    assert observation.status == "not_callable", observation
    assert observation.note


TAKEN = [
    ("python", PYTHON_CALLS, {"call": "two", "args": [1], "kwargs": {"second": 2, "third": 3}}, [1, 2, 3]),
    ("python", PYTHON_CALLS, {"call": "one", "kwargs": {"first": 1}}, 1),
    ("python", PYTHON_CALLS, {"call": "ordered", "args": [[2, 1]], "kwargs": {"reverse": True}}, [2, 1]),
    ("python", PYTHON_CALLS, {"call": "Thing.double", "kwargs": {"x": 2}}, 4),
    ("javascript", "class Thing { static double(x) { return 2 * x; } }", {"call": "Thing.double", "args": [2]}, 4),
    ("javascript", "module.exports = (x) => x;", {"call": "anything", "args": [2]}, 2),
    ("javascript", "const counter = { n: 2, get() { return this.n; } };", {"call": "counter.get", "args": []}, 2),
    ("bash", "one() { return 3; }", {"call": "one", "args": []}, ["exit 3"]),
    ("bash", "function one { echo 1; }; two() { :; }", {"call": "one", "args": []}, "1"),
]


@pytest.mark.parametrize(("language", "code", "give", "value"), TAKEN)
def test_a_call_that_a_function_takes_is_made(
    sandbox: DockerSandbox, language: str, code: str, give: Mapping[str, Json], value: Json
) -> None:
    assert run(sandbox, language, code, give)[0].value == value


@pytest.mark.parametrize(
    ("language", "code", "give", "name"),
    [
        ("python", PYTHON_CALLS, {"call": "inner", "args": [3]}, "TypeError"),
        ("python", PYTHON_CALLS, {"call": "ordered", "args": [3]}, "TypeError"),
        ("javascript", "function inner(x) { return x.y.z; }", {"call": "inner", "args": [3]}, "TypeError"),
    ],
)
def test_an_exception_inside_the_function_is_its_own(
    sandbox: DockerSandbox, language: str, code: str, give: Mapping[str, Json], name: str
) -> None:
    (observation,) = run(sandbox, language, code, give)
    assert (observation.status, observation.note) == ("raised", name)


# --- JavaScript values that pass for plain ones -----------------------------------------------------------------------

JAVASCRIPT_VALUES = """
class Point { constructor() { this.x = 1; } }
class Items extends Array {}
class Table extends Map {}
class Group extends Set {}
class Day extends Date {}
const hide = (target, key, value) => Object.defineProperty(target, key, { value, enumerable: false });
const values = {
  instance: () => new Point(),
  list: () => Items.of(1, 2),
  map: () => new Table([["x", 1]]),
  set: () => new Group([1]),
  date: () => new Day(0),
  json: () => hide({ x: 1 }, "toJSON", () => ({ x: 1 })),
  jsonList: () => hide([1, 2], "toJSON", () => [1, 2]),
  symbol: () => ({ x: 1, [Symbol("y")]: 2 }),
  proxy: () => new Proxy({ x: 1 }, {}),
  proxyList: () => new Proxy([1, 2], {}),
  getter: () => ({ get x() { return 1; } }),
  boxed: () => Object(1),
  inherited: () => Object.create({ x: 1 }),
  plain: () => ({ x: 1 }),
  bare: () => Object.assign(Object.create(null), { x: 1 }),
  plainList: () => [1, 2],
  buffer: () => Buffer.from("a"),
};
function make(name) { return values[name](); }
module.exports = { make };
"""
PLAIN = {"plain": {"x": 1}, "bare": {"x": 1}, "plainList": [1, 2], "buffer": {"$": "bytes", "v": "YQ=="}}
NOT_PLAIN = [
    "instance", "list", "map", "set", "date", "json", "jsonList", "symbol", "proxy", "proxyList", "getter", "boxed",
    "inherited",
]  # fmt: skip


def test_javascript_values_of_classes_and_proxies_equal_no_plain_value(sandbox: DockerSandbox) -> None:
    plain: list[Json] = [
        {"x": 1}, [1, 2], {}, 1, {"$": "map", "v": [["x", 1]]}, {"$": "set", "v": [1]},
        {"$": "date", "v": "1970-01-01T00:00:00.000Z"},
    ]  # fmt: skip
    gives = [{"call": "make", "args": [name]} for name in NOT_PLAIN]
    for name, observation in zip(NOT_PLAIN, run(sandbox, "javascript", JAVASCRIPT_VALUES, *gives), strict=True):
        equality = equality_of("equal", "javascript")
        assert not any(is_equal(value, observation.value, equality) for value in plain), (name, observation)


def test_plain_javascript_values_equal_plain_values(sandbox: DockerSandbox) -> None:
    gives = [{"call": "make", "args": [name]} for name in PLAIN]
    observations = run(sandbox, "javascript", JAVASCRIPT_VALUES, *gives)
    assert [observation.value for observation in observations] == list(PLAIN.values())


GO_SOURCES = {
    "package in a comment": "/*\npackage doc\n*/\n// package x\npackage answer\n\nfunc F(a int) int { return a }\n",
    "package beside a comment": "/* a */ package /* b */ answer // c\n\nfunc F(a int) int { return a }\n",
    "main in a string": "package answer\n\nvar s = `\nfunc main() {}\n`\n\nfunc F(a int) int { return a }\n",
    "main in a comment": "package answer\n\n/*\nfunc main() {}\n*/\nfunc F(a int) int { return a }\n",
    "quotes after a backslash": "package answer\n\nvar s, r = \"\\\\\", '\\''\n\nfunc F(a int) int { return a }\n",
    "a main of its own": 'package main\n\nvar s = "`"\n\nfunc F(a int) int { return a }\n\nfunc main () {\n}\n',
}


@pytest.mark.parametrize("name", GO_SOURCES)
def test_the_package_and_the_main_of_a_go_file_are_found_in_its_code(sandbox: DockerSandbox, name: str) -> None:
    (seen,) = run(sandbox, "go", GO_SOURCES[name], {"call": "F", "args": [3]})
    assert (seen.status, seen.value) == ("returned", 3)
