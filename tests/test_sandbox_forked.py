"""Programs in Python that are forked: they are as in a Python of their own, and none finds or changes another's.

A case that gives the program itself is run in a new Python: beside one that does not, it shows what is right.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.files import to_json
from harness.sandbox import DockerSandbox, open_sandbox
from harness.types import Job, Json, Limits, Observation

pytestmark = pytest.mark.engine

PATIENT = Limits(load_timeout_s=60.0, case_timeout_s=60.0)
TIME_S = 1000.0
PROBES = (Path(__file__).parent / "data" / "forked_probes.txt").read_text(encoding="utf-8")
NAMES: list[str] = re.findall(r"(?m)^def (\w+)\(\):", PROBES)
CHANGING = re.compile(r"\b[0-9a-f]{16}\b|0x[0-9a-f]{6,}|\b\d{15}\b")
"""What differs from run to run: the names of folders, addresses, numbers of threads."""
STDIN = "one\ntwo\nthree\n"
OTHERS = """\
import os, resource, signal, sys, time

def others():
    return [int(name) for name in os.listdir('/proc') if name.isdigit() and int(name) not in (1, os.getpid())]
"""
SEARCH = """
import re

own = sys.argv[1].encode()
time.sleep(0.05)
found = [] if sys.stdin.read() == sys.argv[1] * 3 else ['stdin']
for line in open('/proc/self/maps'):
    start, end = (int(number, 16) for number in line.split()[0].split('-'))
    if line.split()[1][:2] == 'rw':
        with open('/proc/self/mem', 'rb', 0) as memory:
            memory.seek(start)
            # The name is made here, so that the search does not find itself.
            found += set(re.findall(b'to' + b'ken-[0-9]+', memory.read(end - start))) - {own}
for number in range(3, 256):
    try:
        found += [os.readlink(f'/proc/self/fd/{number}')]
    except OSError:
        pass
names = ('mem', 'environ', 'maps', 'fd/0', 'fd/3', 'fdinfo', 'task', 'cwd', 'root', 'exe', 'stack', 'syscall')
for pid in [1, *others()]:
    for name in names[:-3] if pid == 1 else names:
        try:
            (os.listdir if name in ('fdinfo', 'cwd', 'root') else open)(f'/proc/{pid}/{name}')
            found += [(pid, name)]
        except OSError:
            pass
    for name in os.listdir(f'/proc/{pid}'):
        try:
            os.write(os.open(f'/proc/{pid}/{name}', os.O_WRONLY), b'1')
            found += [(pid, name, 'written')]
        except OSError:
            pass
limits = [(resource.prlimit(pid, number)) for pid in (1, *others()) for number in range(16)]
found += [signal.getsignal(signal.SIGUSR1), os.environ.get('LEFT'), os.nice(0), len(set(limits[::16]))]
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
os.environ['LEFT'] = '1'
os.nice(5)
resource.setrlimit(0, (6, 6))
sys.modules['json'] = None
print(found, len(others()))
"""
MEDDLING = {
    "nothing": "pass",
    "all": "os.kill(-1, signal.SIGKILL)",
    "kill": "[os.kill(pid, signal.SIGKILL) for pid in others()]",
    "interrupt": "[os.kill(pid, signal.SIGINT) for pid in others()]",
    "stop": "[os.kill(pid, signal.SIGSTOP) for pid in others()]",
    "limit": "[resource.prlimit(pid, resource.RLIMIT_NOFILE, (9, 9)) for pid in others()]",
    "slow": "[os.setpriority(os.PRIO_PROCESS, pid, 9) for pid in others()]",
    "pin": "[os.sched_setaffinity(pid, [min(os.sched_getaffinity(0))]) for pid in others()]",
    "other child": "os.fork() or (os.setsid(), signal.signal(signal.SIGINT, signal.SIG_IGN), time.sleep(600))",
}
CHECKED = """
limits = {(pid, number): resource.prlimit(pid, number) for pid in (1, *others()) for number in (0, 7)}
print(all(limits[pid, number] == resource.getrlimit(number) for pid, number in limits), len(others()) <= 1)
print({os.getpriority(os.PRIO_PROCESS, pid) for pid in (1, *others())}, len({*os.sched_getaffinity(0)}), flush=True)
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[DockerSandbox]:
    with open_sandbox("test", print, ["python"]) as opened:
        yield opened


def run(sandbox: DockerSandbox, code: str, *gives: Json) -> tuple[Observation, ...]:
    cases = tuple((f"c{index}", give) for index, give in enumerate(gives))
    return sandbox.run(Job("python", "program", "answer.py", {"answer.py": code}, cases, PATIENT, time_s=TIME_S))


def both(sandbox: DockerSandbox, code: str, *gives: Json) -> list[tuple[str, str]]:
    """What each case shows, forked and in a new Python."""
    new = ({**give, "files": {**give.get("files", {}), "answer.py": code}} for give in gives)
    found = [CHANGING.sub("...", to_json([one.status, one.value])) for one in run(sandbox, code, *gives, *new)]
    return list(zip(found[: len(gives)], found[len(gives) :], strict=True))


def test_a_forked_program_sees_what_it_sees_in_a_python_of_its_own(sandbox: DockerSandbox) -> None:
    found = both(sandbox, PROBES, *({"argv": [name, "", "é"], "stdin": STDIN} for name in NAMES))
    assert {name: shown for name, shown in zip(NAMES, found, strict=True) if shown[0] != shown[1]} == {}


@pytest.mark.parametrize(
    ("code", "give"),
    [
        ("import json, sys\nprint(json.__file__, sys.path[0])", {"files": {"json.py": "print('mine')"}}),
        ("import sys\nprint(__file__, sys.argv)", {"links": {"link": "answer.py"}, "modes": {"answer.py": "000"}}),
        ("import re, sys\nprint(1\n", {}),
        ("# coding: latin-1\nimport re\nprint('\u00e9', '\\d')\nimport nothing\n", {}),
    ],
    ids=["library", "mode", "syntax", "encoding"],
)
def test_what_stands_in_the_way_of_the_library_is_found(sandbox: DockerSandbox, code: str, give: Json) -> None:
    assert all(forked == new for forked, new in both(sandbox, code, give, give, give))


def test_a_forked_program_finds_nothing_of_another(sandbox: DockerSandbox) -> None:
    tokens = [f"token-{number}" for number in range(4)]
    found = run(sandbox, OTHERS + SEARCH, *({"argv": [token], "stdin": token * 3} for token in tokens))
    shown = {one.value["stdout"] + one.value["stderr"] for one in found}
    assert shown == {"[<Handlers.SIG_DFL: 0>, None, 0, 1] 1\n"}


def test_each_fork_draws_its_own_random_numbers(sandbox: DockerSandbox) -> None:
    found = run(sandbox, "import random, tempfile\nprint(random.random(), tempfile.mktemp())", {}, {}, {})
    assert len({part for one in found for part in one.value["stdout"].split()}) == 6


def test_a_program_that_changes_the_process_that_forks_is_not_seen_by_the_next(sandbox: DockerSandbox) -> None:
    deeds = "\n".join(f"    {name!r}: lambda: {deed}," for name, deed in MEDDLING.items() if deed != "pass")
    code = f"{OTHERS}{CHECKED}\n{{\n    'nothing': lambda: 0,\n{deeds}\n}}[sys.argv[1]]()"
    found = run(sandbox, code, *({"argv": [name]} for name in [*MEDDLING, *MEDDLING]))
    assert {one.status for one in found} == {"returned"}
    (first, *_), *others = ((one.value["stdout"].split("\n")) for one in found)
    assert {first, *(lines[0] for lines in others)} == {"True True"}
    assert len({one.value["stdout"] for one in found}) == 1
