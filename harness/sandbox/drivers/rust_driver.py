"""Compile an answer in Rust, with the driver in rust_calls.rs where its functions are called.

The compiler chooses that driver's code by the types of the called function, so a call is written out here for each name
and number of arguments that the cases have. A function of types that the driver does not know does not compile.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from compiled import BUILD, called_functions, compile_steps, main


def build(root):
    """Compile a Rust program from its root file. None when it does not compile."""
    flags = ["--edition", "2021", "-C", "opt-level=1", "-C", "overflow-checks=on", "-C", "codegen-units=1"]
    flags += ["-C", "debuginfo=0", "-C", "strip=symbols", "-A", "warnings", "-o", "answer"]
    driver = ["--extern", "lanebench=/opt/lanebench/liblanebench.rlib"]
    return os.path.join(BUILD, "answer") if compile_steps([["rustc", *flags, *driver, root]]) else None


def build_calls(job):
    """The answer as a module, with a module inside that reaches its private functions."""
    arms = "".join(
        f'("{name}", {count}) => ::lanebench::call{count}(super::{name}, given),\n'
        for name, count in called_functions(job)
    )
    calls = (
        "\npub mod lanebench_calls {\n"
        "pub fn call(name: &str, given: &::lanebench::Given) -> ::lanebench::Observed {\n"
        f'match (name, given.args.len()) {{\n{arms}_ => unreachable!("the cases name no other"),\n}}\n}}\n}}\n'
    )
    with open(job["entry"], "a", encoding="utf-8") as file:
        file.write(calls)
    root = "lanebench_main.rs"
    with open(root, "w", encoding="utf-8") as file:
        file.write(f'#[path = "{job["entry"]}"] mod answer;\n')
        file.write("fn main() { ::lanebench::serve(answer::lanebench_calls::call) }\n")
    return build(os.path.abspath(root))


def build_program(folder, files):
    """The program of an answer as it stands, from its entry."""
    return build(os.path.join(folder, files[0]))


main(build_calls, build_program)
