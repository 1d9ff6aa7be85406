"""Source the answer in a fresh Bash for each case, call its function, and report what it wrote.

A Bash function has text only: its arguments are the given values as text (null as nothing, anything else as JSON), its
value is its standard output without newlines at the end, and a status that is not 0 is its exception, `exit 3`.
"""

import os
import sys
from shlex import quote

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from python_json import dumps
from python_report import Report, put_files, read_job, take_stdout
from python_run import run

# The answer sees neither the arguments nor its own name in $0, as a file that is sourced would not.
CALL = '__lanebench=("$@"); set --; . {} >/dev/null 2>&1; "${{__lanebench[@]}}"'


def as_text(value):
    """A given value as a Bash function can take it."""
    return value if type(value) is str else "" if value is None else dumps(value)


def observe(job, give):
    """How one case ended, as the protocol's fields."""
    words = [as_text(item) for item in give.get("args", [])]
    command = ["bash", "-c", CALL.format(quote("./" + job["entry"])), "bash", give["call"], *words]
    ended, broken = run(command, os.getcwd(), limit=job["output_bytes"])
    if broken is not None:
        return broken
    if ended["exit"] < 0:
        return {"k": "crashed", "t": f"signal {-ended['exit']}"}
    if ended["exit"] > 0:
        return {"k": "raised", "t": f"exit {ended['exit']}", "v": [f"exit {ended['exit']}"]}
    value = ended["stdout"]
    return {"k": "returned", "v": value.rstrip("\n") if type(value) is str else value}


def main():
    """The whole life of one container."""
    job = read_job()
    report = Report(take_stdout(), job["nonce"])
    report.say("taken")
    put_files(".", job["files"])
    read, _ = run(["bash", "-n", job["entry"]], os.getcwd())
    if read is None or read["exit"] != 0:
        report.say("load_failed", t="SyntaxError")
        os._exit(0)
    report.say("loaded")
    for index, give in job["cases"]:
        report.say("case", i=index, **observe(job, give))
    report.say("done")
    os._exit(0)


main()
