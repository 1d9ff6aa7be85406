"""Run the answer's SQL on a fresh SQLite database for each case, and report rows.

`{"call": "rows", "args": [setup, *parameters]}`: what the answer's last statement gives on a database that `setup`
made, the parameters bound to that statement. `{"call": "after", "args": [setup, query]}`: what `query` gives when the
answer has been run. Rows are lists; a value is null, an integer, a float, text or bytes.
"""

import os
import sqlite3
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from python_report import Report, put_files, read_job, take_stdout
from python_values import OVERSIZE, TooLargeError, bases_of, decode, encode

LONGEST = 256 * 1024


def statements(text):
    """The statements of a text, one after the other; a last one needs no semicolon."""
    found, rest = [], ""
    for piece in text.split(";"):
        rest += piece
        if sqlite3.complete_statement(rest + ";"):
            found.append(rest)
            rest = ""
        else:
            rest += ";"
    found.append(rest.removesuffix(";"))
    return [one for one in found if without_comments(one)]


def without_comments(text):
    """What is left of one statement when its comments before the first word are gone."""
    text = text.strip()
    while text.startswith(("--", "/*")):
        end = "\n" if text.startswith("--") else "*/"
        text = text.partition(end)[2].strip()
    return text


def seen_by_another(database):
    """The database as a connection of its own sees it: no temporary table or view stands before a lasting one."""
    other = sqlite3.connect(":memory:")
    content = database.serialize()
    if content:
        other.deserialize(content)
    return other


def rows_of(give, answer):
    """The rows that a case asks for."""
    setup, *more = [decode(item) for item in give["args"]]
    database = sqlite3.connect(":memory:", isolation_level=None)
    database.executescript(setup)
    for one in answer[:-1]:
        database.execute(one)
    if give["call"] == "after":
        database.execute(answer[-1])
        return [list(row) for row in seen_by_another(database).execute(more[0])]
    return [list(row) for row in database.execute(answer[-1], more)]


def observe(give, answer):
    """How one case ended, as the protocol's fields."""
    try:
        rows = encode(rows_of(give, answer))
    except (TooLargeError, MemoryError):
        return {"k": "returned", "v": OVERSIZE}
    except Exception as error:
        names = bases_of(error)
        return {"k": "raised", "t": names[0], "v": names}
    return {"k": "returned", "v": rows if len(repr(rows)) <= LONGEST else OVERSIZE}


def main():
    """The whole life of one container."""
    job = read_job()
    report = Report(take_stdout(), job["nonce"])
    report.say("taken")
    put_files(".", job["files"])
    answer = statements(job["files"][job["entry"]])
    if not answer:
        report.say("load_failed", t="no statement")
        os._exit(0)
    report.say("loaded")
    for index, give in job["cases"]:
        report.say("case", i=index, **observe(give, answer))
    report.say("done")
    os._exit(0)


main()
