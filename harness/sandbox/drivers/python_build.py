"""Compile an answer in Go or Rust, with what the image holds compiled already and the answer cannot write to."""

import os
import re

from python_run import run

BUILD = "/build"
GO = "/opt/lanebench-go"
SAID = 1 << 20


def _steps(commands):
    """Run commands in turn; True when all of them end well."""
    for command in commands:
        ended, broken = run(command, BUILD, limit=SAID)
        if broken is not None and broken["k"] == "out_of_memory":
            # The end that a process has which the kernel kills for that: the host reads it as such.
            os._exit(137)
        if ended is None or ended["exit"] != 0:
            return False
    return True


def go(folder, files):
    """Compile and link Go files of one package, whatever it is called, as a program. None when it does not compile."""
    paths = []
    has_main = False
    for name in files:
        path = os.path.join(folder, name)
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            text = file.read()
        named = re.sub(r"(?m)^package\s+\w+", "package main", text, count=1)
        has_main = has_main or re.search(r"(?m)^func\s+main\s*\(\s*\)", text) is not None
        paths.append(os.path.join(BUILD, name.replace("/", "_")))
        with open(paths[-1], "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(named)
    if not has_main:
        paths.append(os.path.join(BUILD, "lanebench_main.go"))
        with open(paths[-1], "w", encoding="utf-8") as file:
            file.write("package main\n\nfunc main() {}\n")
    tools = os.path.join(GO, "tools")
    listed = ["-importcfg", os.path.join(GO, "importcfg")]
    made = [
        [f"{tools}/compile", "-o", "answer.a", "-p", "main", "-complete", "-c", "1", *listed, *paths],
        [f"{tools}/link", "-o", "answer", "-s", "-w", *listed, "answer.a"],
    ]
    return os.path.join(BUILD, "answer") if _steps(made) else None


def rust(main):
    """Compile a Rust program from its root file. None when it does not compile."""
    flags = ["--edition", "2021", "-C", "opt-level=1", "-C", "overflow-checks=on", "-C", "codegen-units=1"]
    flags += ["-C", "debuginfo=0", "-C", "strip=symbols", "-A", "warnings", "-o", "answer"]
    with_driver = ["--extern", "lanebench=/opt/lanebench/liblanebench.rlib"]
    return os.path.join(BUILD, "answer") if _steps([["rustc", *flags, *with_driver, main]]) else None


def build(language, folder, files):
    """The program of an answer as it stands, entry first; None when it does not compile."""
    if language == "go":
        return go(folder, [name for name in files if name.endswith(".go")])
    return rust(os.path.join(folder, files[0]))
