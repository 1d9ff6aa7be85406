"""What the drivers of compiled languages share: compile the answer, then call it or run it.

To be called, an answer is compiled together with the part of the driver that is written in its language, and this
process becomes that program, which decodes the arguments, calls and reports by itself. To be run, the answer is
compiled as it is. What does not compile is not loaded.
"""

import os
import re

import program
from python_json import dumps
from python_report import LINE_DESCRIPTOR, Report, claim_stdout, read_job, write_files
from python_run import run

BUILD = "/build"
KIT_DESCRIPTOR, REPORT_DESCRIPTOR = 8, 9
MAX_COMPILER_OUTPUT_BYTES = 1 << 20
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(::[A-Za-z_][A-Za-z0-9_]*)*")


def compile_steps(commands):
    """Run commands in order; True when all of them succeed."""
    for command in commands:
        result, failure = run(command, BUILD, limit=MAX_COMPILER_OUTPUT_BYTES)
        if failure is not None and failure["k"] == "out_of_memory":
            # The exit status of a process that the kernel kills for lack of memory: the host reads it as such.
            os._exit(137)
        if result is None or result["exit"] != 0:
            return False
    return True


def called_functions(job):
    """Every (function, number of arguments) of the cases."""
    found = sorted({(give["call"], len(give.get("args", []))) for _, give in job["cases"]})
    if not all(NAME.fullmatch(name) for name, _ in found):
        raise SystemExit(3)
    return found


def become(executable, job, output):
    """Replace this process by the compiled answer, which reads the cases from a file and reports on a descriptor."""
    with open(f"{BUILD}/job.json", "w", encoding="utf-8") as file:
        file.write(dumps({"nonce": job["nonce"], "cases": [{"i": index, **give} for index, give in job["cases"]]}))
    os.dup2(LINE_DESCRIPTOR, KIT_DESCRIPTOR, inheritable=True)
    os.dup2(output, REPORT_DESCRIPTOR, inheritable=True)
    os.execv(executable, [executable])


def build_as_program(job, build_program):
    """Compile the answer as it stands, its entry first; None when it does not compile."""
    source = os.path.join(os.getcwd(), "source")
    write_files(source, job["files"])
    built = build_program(source, [job["entry"], *(name for name in job["files"] if name != job["entry"])])
    program.clear(os.getcwd())
    return built


def restorer(executable):
    """A function that makes the folder of the build hold the executable alone, whatever a case did there."""
    with open(executable, "rb") as file:
        content = file.read()

    def restore():
        program.clear(BUILD)
        with open(executable, "wb") as file:
            file.write(content)
        os.chmod(executable, 0o755)

    return restore


def main(build_calls, build_program):
    """Serve one job. The two functions compile an answer to be called or to be run: a path, None when they cannot."""
    job = read_job()
    output = claim_stdout()
    report = Report(output, job["nonce"])
    report.send("taken")
    if job["driver"] == "program":
        executable = build_as_program(job, build_program)
    else:
        write_files(".", job["files"])
        executable = build_calls(job)
    if executable is None:
        report.send("load_failed", t="CompileError")
        os._exit(0)
    if job["driver"] == "program":
        program.serve(job, report, program.Runs(restorer(executable)))
    become(executable, job, output)
