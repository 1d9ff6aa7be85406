"""Run the answer's SQL on a fresh SQLite database for each case, and report rows.

`{"call": "rows", "args": [setup, *parameters]}`: the rows of the answer's last statement on a database that `setup`
made, with the parameters bound to that statement. `{"call": "after", "args": [setup, query]}`: the rows of `query`
after the answer was run. Rows are lists; a value is null, an integer, a float, a string or bytes.
"""

import os
import sqlite3
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from program import Cases
from python_report import Report, claim_stdout, read_job, write_files
from python_values import OVERSIZE, TooLargeError, bases_of, decode, encode

MAX_VALUE_CHARS = 256 * 1024


def statements(text):
    """The statements of a script in order; the last one needs no semicolon."""
    found, pending = [], ""
    for piece in text.split(";"):
        pending += piece
        if sqlite3.complete_statement(pending + ";"):
            found.append(pending)
            pending = ""
        else:
            pending += ";"
    found.append(pending.removesuffix(";"))
    return [statement for statement in found if without_comments(statement)]


def without_comments(statement):
    """A statement without the comments before its first word."""
    statement = statement.strip()
    while statement.startswith(("--", "/*")):
        end = "\n" if statement.startswith("--") else "*/"
        statement = statement.partition(end)[2].strip()
    return statement


def reopened(database):
    """A copy on a new connection: what others see, without temporary tables or views and what was not committed."""
    # What is serialized holds the changes of a transaction that is still open.
    database.rollback()
    copy = sqlite3.connect(":memory:")
    content = database.serialize()
    if content:
        copy.deserialize(content)
    return copy


def rows_of(give, answer):
    """The rows that a case asks for."""
    setup, *parameters = [decode(item) for item in give["args"]]
    database = sqlite3.connect(":memory:", isolation_level=None)
    database.executescript(setup)
    for statement in answer[:-1]:
        database.execute(statement)
    if give["call"] == "after":
        database.execute(answer[-1])
        return [list(row) for row in reopened(database).execute(parameters[0])]
    return [list(row) for row in database.execute(answer[-1], parameters)]


def observe(give, answer):
    """How one case ended, as the protocol's fields."""
    try:
        rows = encode(rows_of(give, answer))
    except (TooLargeError, MemoryError):
        return {"k": "returned", "v": OVERSIZE}
    except Exception as error:
        names = bases_of(error)
        return {"k": "raised", "t": names[0], "v": names}
    return {"k": "returned", "v": rows if len(repr(rows)) <= MAX_VALUE_CHARS else OVERSIZE}


def main():
    """Serve one job: the whole life of a container."""
    job = read_job()
    report = Report(claim_stdout(), job["nonce"])
    report.send("taken")
    write_files(".", job["files"])
    answer = statements(job["files"][job["entry"]])
    if not answer:
        report.send("load_failed", t="no statement")
        os._exit(0)
    report.send("loaded")
    cases = Cases()
    for index, give in job["cases"]:
        report.send("case", i=index, **observe(give, answer))
        # An answer can attach a file.
        cases.restore()
    report.send("done")
    os._exit(0)


main()
