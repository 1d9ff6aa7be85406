"""Source the answer in a fresh Bash for each case, call its function, and report what it wrote.

A Bash function has strings only: its arguments are the given values as strings (null as an empty one, anything else as
JSON), its value is its standard output without trailing newlines, and a nonzero status is its exception, as `exit 3`.
"""

import os
import sys
from shlex import quote

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from program import Cases
from python_json import dumps
from python_report import Report, claim_stdout, read_job, write_files
from python_run import run

# The answer sees neither the arguments nor its own name in $0, as a file that is sourced would not.
CALL = '__lanebench=("$@"); set --; . {} >/dev/null 2>&1; "${{__lanebench[@]}}"'
# Prints those of the arguments that are functions of the answer.
DEFINED = '__lanebench=("$@"); set --; . {} >/dev/null 2>&1; declare -F -- "${{__lanebench[@]}}"'


def argument_of(value):
    """A given value as a Bash function can take it."""
    return value if type(value) is str else "" if value is None else dumps(value)


def defined_functions(job):
    """Those of the called names that the answer defines as functions, found by sourcing it once more."""
    names = sorted({give["call"] for _, give in job["cases"]})
    command = ["bash", "-c", DEFINED.format(quote("./" + job["entry"])), "bash", *names]
    result, failure = run(command, os.getcwd(), limit=job["output_bytes"])
    if failure is not None:
        # Each case ends in the same way and says how.
        return set(names)
    return set(result["stdout"].split("\n")) if type(result["stdout"]) is str else set()


def observe(job, give, functions):
    """How one case ended, as the protocol's fields."""
    # Else Bash's own status 127, or the program of that name, would be the function's.
    if give["call"] not in functions:
        return {"k": "not_callable", "t": "not found"}
    arguments = [argument_of(item) for item in give.get("args", [])]
    command = ["bash", "-c", CALL.format(quote("./" + job["entry"])), "bash", give["call"], *arguments]
    result, failure = run(command, os.getcwd(), limit=job["output_bytes"])
    if failure is not None:
        return failure
    if result["exit"] < 0:
        return {"k": "crashed", "t": f"signal {-result['exit']}"}
    if result["exit"] > 0:
        return {"k": "raised", "t": f"exit {result['exit']}", "v": [f"exit {result['exit']}"]}
    value = result["stdout"]
    return {"k": "returned", "v": value.rstrip("\n") if type(value) is str else value}


def start_afresh(job, cases):
    """Leave the answer's files and nothing else, whatever was made of them."""
    cases.restore_modes()
    cases.restore()
    write_files(".", job["files"])


def main():
    """Serve one job: the whole life of a container."""
    job = read_job()
    report = Report(claim_stdout(), job["nonce"])
    report.send("taken")
    write_files(".", job["files"])
    parsed, _ = run(["bash", "-n", job["entry"]], os.getcwd())
    if parsed is None or parsed["exit"] != 0:
        report.send("load_failed", t="SyntaxError")
        os._exit(0)
    cases = Cases()
    functions = defined_functions(job)
    report.send("loaded")
    for index, give in job["cases"]:
        start_afresh(job, cases)
        report.send("case", i=index, **observe(job, give, functions))
    report.send("done")
    os._exit(0)


main()
