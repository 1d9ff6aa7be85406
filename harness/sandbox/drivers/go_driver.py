"""Compile an answer in Go, with the driver in go_calls.go where its functions are called.

The image holds the standard library compiled, and the answer cannot write to it.
"""

import os
import re
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from compiled import BUILD, called_functions, compile_steps, main

GO = "/opt/lanebench-go"
GAP = re.compile(r"[\s\ufeff]+|//[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
"""What may stand between two words of Go."""
STRING = re.compile(r"""`[^`]*(?:`|\Z)|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""")
COMMENT_OR_STRING = re.compile(f"({STRING.pattern})|{GAP.pattern}", re.DOTALL)
WORD = re.compile(r"\w+")
MAIN = re.compile(r"\bfunc main ?\(")


def end_of_gap(text, at):
    """Where the whitespace and comments end that begin at a place."""
    while found := GAP.match(text, at):
        at = found.end()
    return at


def in_package_main(text):
    """A file's text with the name of its package replaced; as it is where it does not begin with that."""
    begin = end_of_gap(text, 0)
    name = end_of_gap(text, begin + len("package"))
    word = WORD.match(text, name)
    if not text.startswith("package", begin) or word is None:
        return text
    return text[:name] + "main" + text[word.end() :]


def defines_main(text):
    """Whether a file has a function `main`, beside comments and strings."""
    code = COMMENT_OR_STRING.sub(lambda found: '""' if found[1] else " ", text)
    return MAIN.search(code) is not None


def build(folder, files):
    """Compile and link Go files of one package, whatever it is called, as a program. None when it does not compile."""
    paths = []
    has_main = False
    for name in files:
        with open(os.path.join(folder, name), encoding="utf-8", errors="surrogateescape") as file:
            text = file.read()
        has_main = has_main or defines_main(text)
        paths.append(os.path.join(BUILD, name.replace("/", "_")))
        with open(paths[-1], "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(in_package_main(text))
    if not has_main:
        paths.append(os.path.join(BUILD, "lanebench_main.go"))
        with open(paths[-1], "w", encoding="utf-8") as file:
            file.write("package main\n\nfunc main() {}\n")
    tools = os.path.join(GO, "tools")
    packages = ["-importcfg", os.path.join(GO, "importcfg")]
    steps = [
        [f"{tools}/compile", "-o", "answer.a", "-p", "main", "-complete", "-c", "1", *packages, *paths],
        [f"{tools}/link", "-o", "answer", "-s", "-w", *packages, "answer.a"],
    ]
    return os.path.join(BUILD, "answer") if compile_steps(steps) else None


def build_calls(job):
    """The answer's package with a driver whose `init` takes over before the answer's own `main`."""
    shutil.copy("/opt/lanebench/go_calls.go", "lanebench_calls.go")
    names = sorted({name for name, _ in called_functions(job)})
    table = "".join(f'\t"{name}": {name},\n' for name in names)
    with open("lanebench_table.go", "w", encoding="utf-8") as file:
        file.write(f"package main\n\nvar lanebenchTable = map[string]any{{\n{table}}}\n")
    given = [name for name in job["files"] if name.endswith(".go") and not name.endswith("_test.go")]
    return build(os.getcwd(), [*given, "lanebench_table.go", "lanebench_calls.go"])


def build_program(folder, files):
    """The program of an answer as it stands."""
    return build(folder, [name for name in files if name.endswith(".go")])


main(build_calls, build_program)
