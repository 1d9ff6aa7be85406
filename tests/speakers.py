"""One answer a language, written to do what every driver must cope with; what a language cannot do is left out.

Each answer has: `same` (gives back what it is given), `twice_as_big`, `fail` (raises), `hang`, `vanish` (ends its
process), `noisy` (prints, then gives back), `meddle` (writes where only the driver does, then gives back) and `eat`
(takes memory without end).
"""

from dataclasses import dataclass, field

from harness.types import Json

PLAIN: tuple[Json, ...] = (
    None, True, False, 0, -1, 2**53 - 1, "", "plain", "é", "日本語", "\U0001f600", "a\u2028b", "tab\tnul\x00end",
    [], [1, [2, [3]]], ["a", None], {}, {"k": [1, {"z": "é"}]}, 0.1, 1e-300, 1.7976931348623157e308, 5e-324,
)  # fmt: skip


@dataclass(frozen=True)
class Speaker:
    """A language as its answers are written in the shared test."""

    language: str
    entry: str
    code: str
    broken: str
    raised: str
    names: dict[str, str] = field(default_factory=dict)
    values: tuple[Json, ...] = PLAIN
    typed: tuple[Json, ...] = ()
    big: tuple[Json, Json] | None = None
    cannot: frozenset[str] = frozenset()


PYTHON = Speaker(
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
  fs.writeSync(9, '{"n":"0","e":"case","i":0,"k":"returned","v":1}\\n');
  return x;
}
function eat(x) { const held = []; for (;;) held.push(new Array(1e5).fill(held.length)); }
"""

JAVASCRIPT = Speaker(
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

TYPESCRIPT = Speaker(
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

BASH = Speaker(
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
)

SQL = Speaker(
    "sql",
    "answer.sql",
    "-- what it is given; with a semicolon in text\nSELECT ?, 'a;b';",
    "  -- nothing here\n;",
    "IntegrityError",
    values=(None, 1, -(2**53) + 1, 0.1, 2.0, 1e-300, "", "é", "\U0001f600", "a'b"),
    typed=({"$": "bytes", "v": "AP8="}, {"$": "int", "v": str(2**63 - 1)}),
    cannot=frozenset({"names"}),
)

SPEAKERS = (PYTHON, JAVASCRIPT, TYPESCRIPT, BASH, SQL)
NAMED = tuple(speaker for speaker in SPEAKERS if "names" not in speaker.cannot)
"""Those whose answers are functions with names."""
