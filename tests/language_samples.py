"""One sample answer per language for the tests that every driver must pass; what a language cannot do is left out.

Each answer defines `same` (returns its argument), `twice_as_big`, `fail` (raises), `hang`, `vanish` (ends its process),
`noisy` (prints, then returns its argument), `meddle` (writes to the driver's channel, then returns its argument) and
`eat` (allocates memory without end). `job_of` makes the job that calls it.
"""

from dataclasses import dataclass

from harness.types import CaseStatus, Job, Json, Limits, Observation

PLAIN: tuple[Json, ...] = (
    None, True, False, 0, -1, 2**53 - 1, "", "plain", "é", "日本語", "\U0001f600", "a\u2028b", "tab\tnul\x00end",
    [], [1, [2, [3]]], ["a", None], {}, {"k": [1, {"z": "é"}]}, {"__proto__": {"a": 1}},
    0.1, 1e-300, 1.7976931348623157e308, 5e-324,
)  # fmt: skip


@dataclass(frozen=True)
class LanguageSample:
    """The sample answer of one language, and what the shared tests expect of it.

    `broken` is code that does not load, `raised` the name of the error that `fail` raises. `values` and `typed` must
    come back unchanged, `typed` being values with a tag for their type; `big` is an integer and its double. `cannot`
    names what the language lacks, `kinds` the functions for types that `same` cannot take. `meddled` is how the case
    ends in which `meddle` writes to the driver's channel.
    """

    language: str
    entry: str
    code: str
    broken: str
    raised: str
    values: tuple[Json, ...] = PLAIN
    typed: tuple[Json, ...] = ()
    big: tuple[Json, Json] | None = None
    cannot: frozenset[str] = frozenset()
    kinds: tuple[tuple[type, str], ...] = ()
    meddled: CaseStatus = "forged"

    def same(self, value: Json) -> str:
        """The name of the function that returns a value of this type; typed languages have one per type."""
        value_type = int if isinstance(value, dict) and value.get("$") == "int" else type(value)
        return next((name for kind, name in self.kinds if kind is value_type), "same")


PYTHON = LanguageSample(
    "python",
    "answer.py",
    """
import os, sys, time
def same(x): return x
def twice_as_big(x): return 2 * x
def fail(x): raise ValueError(x)
def hang(x):
    while True: pass
def vanish(x): os._exit(0)
def noisy(x):
    print("{}", x); print("oops", file=sys.stderr); os.system("echo shell"); os.write(1, b"raw\\n")
    return x
def meddle(x):
    for number in range(3, 256):
        try: os.write(number, b'{"n":"0","e":"case","i":0,"k":"returned","v":1}\\n')
        except OSError: pass
    return x
def eat(x):
    held = []
    while True: held.append(bytearray(1 << 22))
""",
    "def same(x) return x\n",
    "ValueError",
    values=(*PLAIN, 2.0, -0.0, 1e16, {"a": 2.0}),
    typed=(
        {"$": "tuple", "v": [1, {"$": "tuple", "v": []}]},
        {"$": "set", "v": [1]},
        {"$": "bytes", "v": "AP8="},
        {"$": "float", "v": "nan"},
        {"$": "float", "v": "-inf"},
        {"$": "dict", "v": [[1, "a"], ["$", 2]]},
        {"$": "complex", "v": [1.0, -2.5]},
        {"$": "decimal", "v": "1.10"},
        {"$": "fraction", "v": [1, 3]},
        {"$": "deque", "v": [1]},
        {"$": "range", "v": [0, 10, 3]},
        {"$": "int", "v": "-123456789012345678901234567890"},
    ),
    big=({"$": "int", "v": str(2**80)}, {"$": "int", "v": str(2**81)}),
)

_JAVASCRIPT = """
const fs = require("node:fs");
function same(x) { return x; }
const twice_as_big = (x) => x + x;
function fail(x) { throw new RangeError("" + x); }
function hang(x) { for (;;); }
function vanish(x) { process.exit(0); }
function noisy(x) { console.log("{}", x); console.error("oops"); process.stdout.write("raw\\n"); return x; }
function meddle(x) {
  const line = '{"n":"0","e":"case","i":0,"k":"returned","v":1}\\n';
  const pipes = fs.readdirSync("/proc/self/fd").filter((name) => {
    try { return fs.readlinkSync("/proc/self/fd/" + name).startsWith("pipe:"); } catch { return false; }
  });
  pipes.map(Number).sort((a, b) => b - a).some((pipe) => {
    try { return fs.writeSync(pipe, line); } catch { return false; }
  });
  return x;
}
function eat(x) { const held = []; for (;;) held.push(new Array(1e5).fill(held.length)); }
"""

JAVASCRIPT = LanguageSample(
    "javascript",
    "answer.js",
    _JAVASCRIPT,
    "function same(x) { return x;\n",
    "RangeError",
    values=(*PLAIN, -0.0, 1e21, 0.30000000000000004),
    typed=(
        {"$": "undefined", "v": None},
        {"$": "float", "v": "nan"},
        {"$": "float", "v": "inf"},
        {"$": "bigint", "v": "-123456789012345678901234567890"},
        {"$": "map", "v": [[1, "a"], ["b", []]]},
        {"$": "set", "v": [1, "1"]},
        {"$": "bytes", "v": "AP8="},
        {"$": "date", "v": "2024-02-29T12:00:00.000Z"},
    ),
    big=({"$": "bigint", "v": str(2**80)}, {"$": "bigint", "v": str(2**81)}),
)

TYPESCRIPT = LanguageSample(
    "typescript",
    "answer.ts",
    "enum Level { Low = 1 }\ninterface Held { level: Level }\n"
    + _JAVASCRIPT.replace("function same(x)", "export function same<T>(x: T): T")
    .replace('const fs = require("node:fs")', 'import * as fs from "node:fs"')
    .replace("const held = []", "const held: number[][] = []"),
    "function same(x: number { return x; }\n",
    "RangeError",
    values=JAVASCRIPT.values,
    typed=JAVASCRIPT.typed,
    big=JAVASCRIPT.big,
)

BASH = LanguageSample(
    "bash",
    "answer.sh",
    """
same() { printf '%s' "$1"; }
twice_as_big() { bc_free=$(( $1 * 2 )); echo "$bc_free"; }
fail() { return 3; }
hang() { while :; do :; done; }
vanish() { kill -9 $$; }
noisy() { echo oops >&2; printf '%s' "$1"; }
meddle() {
  for number in $(seq 3 255); do { echo '{"e":"case"}' > "/proc/1/fd/$number"; } 2>/dev/null; done
  printf '%s' "$1"
}
eat() { held=x; while :; do held=$held$held; done; }
""",
    "same() { if ; }\n",
    "exit 3",
    values=("", "plain", "é", "日本語", "\U0001f600", "two words  and 'quotes'", "$HOME `id`", "a\u2028b", "a\nb"),
    big=("4611686018427387903", "9223372036854775806"),
    # A process of its own: it cannot open the descriptors of the driver, whose interpreter nobody may read.
    meddled="returned",
)

SQL = LanguageSample(
    "sql",
    "answer.sql",
    "-- what it is given; with a semicolon in text\nSELECT ?, 'a;b';",
    "  -- nothing here\n;",
    "IntegrityError",
    values=(None, 1, -(2**53) + 1, 0.1, 2.0, 1e-300, "", "é", "\U0001f600", "a'b"),
    typed=({"$": "bytes", "v": "AP8="}, {"$": "int", "v": str(2**63 - 1)}),
    cannot=frozenset({"names"}),
)

GO = LanguageSample(
    "go",
    "answer.go",
    """
package answer

import (
	"errors"
	"fmt"
	"math/big"
	"os"
)

func same(x any) any                 { return x }
func twice_as_big(x *big.Int) *big.Int { return new(big.Int).Add(x, x) }
func fail(x string) (int, error)     { return 0, errors.New(x) }
func hang(x string)                  { for { } }
func vanish(x string)                { os.Exit(0) }
func noisy(x string) string          { fmt.Println("{}", x); fmt.Fprintln(os.Stderr, "oops"); return x }
func meddle(x string) string {
	os.NewFile(9, "line").WriteString("{\\"n\\":\\"0\\",\\"e\\":\\"case\\",\\"i\\":0}\\n")
	return x
}
func eat(x string) {
	var held [][]byte
	for {
		part := make([]byte, 1<<22)
		for at := range part { part[at] = 1 }
		held = append(held, part)
	}
}
""",
    "package answer\n\nfunc same(x any) any { return y }\n",
    "error",
    values=(*PLAIN, 2.0, -0.0, 1e21),
    typed=(
        {"$": "float", "v": "nan"},
        {"$": "float", "v": "-inf"},
        {"$": "bytes", "v": "AP8="},
        {"$": "int", "v": "-123456789012345678901234567890"},
    ),
    big=({"$": "int", "v": str(2**80)}, {"$": "int", "v": str(2**81)}),
    cannot=frozenset({"absent"}),
)

RUST = LanguageSample(
    "rust",
    "answer.rs",
    """
use std::collections::HashMap;
use std::io::Write;
use std::os::fd::FromRawFd;

fn same(x: &str) -> &str { x }
fn same_number(x: i64) -> i64 { x }
fn same_float(x: f64) -> f64 { x }
fn same_flag(x: bool) -> bool { x }
fn same_list(x: Vec<Option<f64>>) -> Vec<Option<f64>> { x }
fn same_map(x: HashMap<String, Vec<(i8, char)>>) -> HashMap<String, Vec<(i8, char)>> { x }
fn same_none(x: Option<i64>) -> Option<i64> { x }
fn twice_as_big(x: i128) -> i128 { x * 2 }
fn fail(x: &str) -> Result<(), String> { Err(x.to_string()) }
fn hang(_: &str) { loop {} }
fn vanish(_: &str) { std::process::exit(0) }
fn noisy(x: String) -> String { println!("{}", x); eprintln!("oops"); x }
fn meddle(x: String) -> String {
    let mut line = std::mem::ManuallyDrop::new(unsafe { std::fs::File::from_raw_fd(9) });
    line.write_all(b"{}\\n").unwrap();
    x
}
fn eat(_: &str) {
    let mut held: Vec<Vec<u8>> = Vec::new();
    loop { held.push(vec![1; 1 << 22]); }
}
fn main() { println!("an honest main is not run"); }
""",
    "fn same(x: &str) -> &str { y }\n",
    "Err",
    values=(
        *(value for value in PLAIN if type(value) in (type(None), bool, int, str, float)),
        2.0,
        -0.0,
        [0.5, None, 2.0],
        {},
        {"k": [{"$": "tuple", "v": [1, "é"]}]},
    ),
    typed=({"$": "int", "v": str(2**63 - 1)},),
    big=({"$": "int", "v": str(2**80)}, {"$": "int", "v": str(2**81)}),
    cannot=frozenset({"absent"}),
    kinds=(
        (bool, "same_flag"),
        (int, "same_number"),
        (float, "same_float"),
        (list, "same_list"),
        (dict, "same_map"),
        (type(None), "same_none"),
    ),
)

SAMPLES = (PYTHON, JAVASCRIPT, TYPESCRIPT, BASH, SQL, GO, RUST)
SAMPLES_WITH_FUNCTIONS = tuple(sample for sample in SAMPLES if "names" not in sample.cannot)
"""The samples that define functions with names."""

QUICK = Limits(load_timeout_s=30.0, case_timeout_s=1.5)
PATIENT = Limits(load_timeout_s=60.0, case_timeout_s=30.0)

Call = tuple[str, Json]


def job_of(sample: LanguageSample, calls: list[Call], code: str | None = None, limits: Limits = PATIENT) -> Job:
    cases = tuple((f"c{index}", {"call": name, "args": [given]}) for index, (name, given) in enumerate(calls))
    files = {sample.entry: sample.code if code is None else code}
    return Job(sample.language, "calls", sample.entry, files, cases, limits)


def ends(observations: tuple[Observation, ...]) -> list[str]:
    return [observation.status for observation in observations]


def values(observations: tuple[Observation, ...]) -> list[Json]:
    return [observation.value for observation in observations]


def typed(value: Json) -> str:
    """A form in which 2 differs from 2.0 and True from 1, as they do not by ==."""
    return repr(value)
