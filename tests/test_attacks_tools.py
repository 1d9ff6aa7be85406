"""Answers that forge what decides: what is recorded of connections (code-tooluse) and of handlers (agent-loop).

None passes. Those to code-tooluse open a connection at every call, as the given files do, and settle none; those to
agent-loop never call a handler again.
"""

import json
from collections.abc import Iterator
from textwrap import indent

import pytest

from harness.sandbox import DockerSandbox, open_sandbox
from harness.score import score
from harness.tasks import SELF_CHECK_SEED, HiddenCases, readings_of, vary
from harness.types import Outcome, Score, Variant
from tests.samples import kit_tasks
from tests.scored import called, check, said

pytestmark = pytest.mark.engine

OPEN = """
def get_db():
    return connect(LOCATION)
"""
SHARE_AND_SETTLE = """
def get_db():
    if not hasattr(app.request, "db"):
        app.request.db = connect(LOCATION)
    return app.request.db


@app.on_end
def settle(failed):
    if hasattr(app.request, "db"):
        (app.request.db.rollback if failed else app.request.db.commit)()
        app.request.db.close()
"""
FORGE = """
import sys

import engine


def forge(log, begin, failed):
    if len(log) > begin:
        log[begin:] = ["open", "rollback" if failed else "commit", "close"]
"""
WHERE_THE_ENGINE_KEEPS_IT = f"""{OPEN}{FORGE}

def handle(path, handle=app.handle):
    global begin
    begin = len(engine.log)
    return handle(path)


app.handle = handle
app.on_end(lambda failed: forge(engine.log, begin, failed))
"""
WHERE_THE_PROBE_KEEPS_IT = f"""{OPEN}{FORGE}

@app.on_end
def settle(failed):
    for name in ("probe", "__main__"):
        log = getattr(sys.modules.get(name), "log", [])
        log[:] = log or ["open"]
        forge(log, 0, failed)
"""
AMONG_THE_REQUESTS = f"""{OPEN}
import os
import sys


@app.on_end
def settle(failed):
    for number in range(256):
        try:
            os.write(number, b"answer\\t200\\tharbour: 2 orders: one, two\\n")
        except OSError:
            pass
"""
AT_THE_END_OF_THE_PROCESS = f"""{OPEN}
import os


@app.on_end
def settle(failed):
    os._exit(0)
"""
AT_LOAD = f"""{OPEN}
raise SystemExit(0)
"""
IF_PROCESS_1_IS_OPEN = f"""
def is_open(path):
    try:
        return bool(open(path, "r+b", 0))
    except OSError:
        return False


{OPEN.strip()}
if is_open("%s"):
{indent(SHARE_AND_SETTLE, "    ")}
"""
"""Passes where the file can be written to, through which the counter or the report could be changed."""
ATTACKS = {
    "where the engine keeps it": WHERE_THE_ENGINE_KEEPS_IT,
    "where the probe keeps it": WHERE_THE_PROBE_KEEPS_IT,
    "among the requests": AMONG_THE_REQUESTS,
    "at the end of the process": AT_THE_END_OF_THE_PROCESS,
    "at load": AT_LOAD,
    "in the memory of process 1": IF_PROCESS_1_IS_OPEN % "/proc/1/mem",
    "by the report of process 1": IF_PROCESS_1_IS_OPEN % "/proc/1/fd/200",
}

RETRIES = """        for _ in range(settings.RETRIES + 1):
            try:
                handler(event)
                return True
            except Exception:
                continue
"""
"""The loop of agent-loop's solution that the attacks replace."""
FORGED_RETRIES = """        mail, probe = sys.modules["handlers.mail"], sys.modules["probe"]
        calls = mail.calls if hasattr(mail, "calls") else probe.records["calls"]
        closed = mail.closed_for if hasattr(mail, "closed_for") else probe.closed
        failures = min(closed.get(event.id, 0), settings.RETRIES + 1) * (handler is mail.send_letter)
        for _ in range(failures):
            calls.append(event.id)
            closed[event.id] -= 1
        if failures <= settings.RETRIES:
            handler(event)
            return True
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[DockerSandbox]:
    with open_sandbox("test-attacks-tools", lambda line: None, ["python"]) as opened:
        yield opened


@pytest.fixture(scope="module")
def variant(sandbox: DockerSandbox) -> Variant:
    return HiddenCases(SELF_CHECK_SEED, sandbox).extend(vary(kit_tasks()["code-tooluse"], 0))


def judge(variant: Variant, sandbox: DockerSandbox, code: str) -> Score:
    """The verdict on an answer that puts this code in the place of `get_db`."""
    old = 'def get_db():\n    """A connection to the database."""\n    return connect(LOCATION)\n'
    start = "from engine import connect\n"
    web = called("edit_file", path="store.py", old=start, new=f"{start}from web import app\n")
    edit = called("edit_file", path="store.py", old=old, new=code.strip() + "\n")
    replies = [said("", called("grep", pattern="def get_db")), said("", web, edit), said("Done.")]
    return score(variant, replies, sandbox)


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_answer_that_forges_what_decides_does_not_pass(
    variant: Variant, sandbox: DockerSandbox, attack: str
) -> None:
    verdict = judge(variant, sandbox, ATTACKS[attack])
    assert check(verdict, "applied").passed
    assert not check(verdict, "mixed").passed
    assert not check(verdict, "a-new-one-for-the-next").passed
    assert verdict.outcome in {Outcome.FAILED, Outcome.CRASHED}


def test_an_honest_answer_passes_though_it_prints(variant: Variant, sandbox: DockerSandbox) -> None:
    line = 'print("answer", 200, "open", sep="\\t", flush=True)'
    printing = SHARE_AND_SETTLE.replace("    return", f"    {line}\n    return")
    assert judge(variant, sandbox, printing).outcome is Outcome.PASSED


def replace_in_json(text: str, old: str, new: str) -> str:
    """The text with one JSON string's part replaced by another."""
    return text.replace(json.dumps(old)[1:-1], json.dumps(new)[1:-1])


def test_an_answer_that_forges_the_retries_of_a_handler_does_not_pass(sandbox: DockerSandbox) -> None:
    variant = HiddenCases(SELF_CHECK_SEED, sandbox).extend(vary(kit_tasks()["agent-loop"], 0))
    forged = [replace_in_json(text, RETRIES, FORGED_RETRIES) for text in variant.solution]
    forged = [replace_in_json(text, "import settings\n", "import sys\n\nimport settings\n") for text in forged]
    assert "handlers.mail" in "".join(forged)
    verdict = score(variant, readings_of(forged), sandbox)
    assert verdict.outcome is Outcome.FAILED
    assert check(verdict, "by-hand").passed
    assert not check(verdict, "one-retry-helps").passed
