"""Compile the answer together with its language's driver, then become that program: it calls and reports by itself.

The driver in Go reads types by reflection. The driver in Rust is chosen by the compiler from the function's own types,
so what is called is written out here for each name and number of arguments that the cases have. A function that is not
there, or whose types no driver knows, does not compile: the answer is not loaded.
"""

import os
import re
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import python_build
from python_json import dumps
from python_report import Report, put_files, read_job, take_stdout

LINE = 9
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(::[A-Za-z_][A-Za-z0-9_]*)*")


def called(job):
    """Every (function, number of arguments) of the cases."""
    found = sorted({(give["call"], len(give.get("args", []))) for _, give in job["cases"]})
    if not all(NAME.fullmatch(name) for name, _ in found):
        raise SystemExit(3)
    return found


def build_go(job):
    """The answer's package with a driver whose `init` takes over before the answer's own `main`."""
    shutil.copy("/opt/lanebench/go_calls.go", "lanebench_calls.go")
    table = "".join(f"\t{name!r}: {name},\n".replace("'", '"') for name in sorted({name for name, _ in called(job)}))
    with open("lanebench_table.go", "w", encoding="utf-8") as file:
        file.write(f"package main\n\nvar lanebenchTable = map[string]any{{\n{table}}}\n")
    given = [name for name in job["files"] if name.endswith(".go") and not name.endswith("_test.go")]
    return python_build.go(os.getcwd(), [*given, "lanebench_table.go", "lanebench_calls.go"])


def build_rust(job):
    """The answer as a module, with a module inside that reaches its private functions."""
    arms = "".join(
        f'("{name}", {count}) => ::lanebench::call{count}(super::{name}, args),\n' for name, count in called(job)
    )
    reach = (
        "\npub mod lanebench_calls {\npub fn call(name: &str, args: &[::lanebench::Value]) -> ::lanebench::Seen {\n"
        f'match (name, args.len()) {{\n{arms}_ => unreachable!("the cases name no other"),\n}}\n}}\n}}\n'
    )
    with open(job["entry"], "a", encoding="utf-8") as file:
        file.write(reach)
    main = "lanebench_main.rs"
    with open(main, "w", encoding="utf-8") as file:
        file.write(f'#[path = "{job["entry"]}"] mod answer;\n')
        file.write("fn main() { ::lanebench::serve(answer::lanebench_calls::call) }\n")
    return python_build.rust(os.path.abspath(main))


BUILDERS = {"go": build_go, "rust": build_rust}


def main():
    """The whole life of one container, up to the exchange of this program for the answer's."""
    job = read_job()
    out = take_stdout()
    report = Report(out, job["nonce"])
    report.say("taken")
    put_files(".", job["files"])
    program = BUILDERS[job["language"]](job)
    if program is None:
        report.say("load_failed", t="CompileError")
        os._exit(0)
    with open("/build/job.json", "w", encoding="utf-8") as file:
        file.write(dumps({"nonce": job["nonce"], "cases": [{"i": index, **give} for index, give in job["cases"]]}))
    os.dup2(out, LINE, inheritable=True)
    os.execv(program, [program])


main()
