"""The driver that runs a model's tests: runs on several modules share a container, and none finds what another left.

Each suite here looks for what an earlier run left, fails if it finds some, and leaves it itself.
"""

import textwrap
from collections.abc import Iterator

import pytest

from harness.sandbox import DockerSandbox, open_sandbox
from harness.types import Job, Limits, Observation

PATIENT = Limits(load_timeout_s=60.0, case_timeout_s=60.0)
MODULES = 4
PASSED = {"exit": 0, "passed": 1, "failed": 0}
OTHERS = """\
import os, resource, signal, time

def others():
    return [int(name) for name in os.listdir('/proc') if name.isdigit() and int(name) not in (1, os.getpid())]
"""
TRACES = {
    "files in every folder that can be written": """
        places = ['/tmp', '/dev/shm', '/dev/mqueue', os.getcwd(), os.path.dirname(os.getcwd())]
        found = [name for place in places for name in os.listdir(place) if name == 'left']
        for place in places:
            open(os.path.join(place, 'left'), 'w').close()
            if os.stat(place).st_uid == os.getuid():
                os.chmod(place, 0o777)
        assert not found
    """,
    "a process that stays, in a session of its own": """
        found = [pid for pid in others() if b'left' in open(f'/proc/{pid}/comm', 'rb').read()]
        # Looked for before the process of this run, which makes it at once.
        if os.path.exists('/tmp/left'):
            found.append('/tmp/left')
        if not os.fork():
            os.setsid()
            if os.fork():
                os._exit(0)
            for number in range(1, 32):
                if number not in (signal.SIGKILL, signal.SIGSTOP):
                    signal.signal(number, signal.SIG_IGN)
            open('/proc/thread-self/comm', 'w').write('left')
            while True:
                open('/tmp/left', 'w').close()
                time.sleep(0.001)
        assert not found, found
    """,
    "many processes that fork": """
        found = len(others())
        if not os.fork():
            while True:
                try:
                    if os.fork():
                        os._exit(0)
                except OSError:
                    pass
        time.sleep(0.1)
        assert found <= 2, found
    """,
    "objects of the job in its memory": """
        import gc

        texts = [text for found in gc.get_objects() if type(found) in (dict, list, tuple)
                 for text in (found.values() if type(found) is dict else found) if type(text) is str]
        assert {text for text in texts if text.startswith('module ') and text[7:].isdigit()} == {module.NAME}
    """,
    "descriptors that lead out": """
        import stat

        found = []
        for number in range(256):
            try:
                mode = os.fstat(number).st_mode
            except OSError:
                continue
            found += [number] if stat.S_ISSOCK(mode) else []
        assert not found
    """,
    "what another process can be read by": """
        found = []
        for pid in [1, *others()]:
            for name in ('mem', 'environ', 'maps', 'fd/0'):
                try:
                    open(f'/proc/{pid}/{name}', 'rb').close()
                    found.append((pid, name))
                except OSError:
                    pass
        assert not found
    """,
    "its own settings": """
        found = (signal.getsignal(signal.SIGUSR1), os.environ.get('LEFT'), os.nice(0), resource.getrlimit(0))
        assert found == (signal.SIG_DFL, None, 0, resource.prlimit(1, 0)), found
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        os.environ['LEFT'] = '1'
        os.nice(5)
        resource.setrlimit(0, (6, 6))
    """,
}
MEDDLING = {
    "kills every process": "os.kill(-1, signal.SIGKILL)",
    "kills the process that forks": "[os.kill(pid, signal.SIGKILL) for pid in others()]",
    "interrupts the process that forks": "[os.kill(pid, signal.SIGINT) for pid in others()]",
    "limits the process that forks": "[resource.prlimit(pid, resource.RLIMIT_NOFILE, (9, 9)) for pid in others()]",
    "slows the process that forks": "[os.setpriority(os.PRIO_PROCESS, pid, 9) for pid in others()]",
    "limits process 1": "resource.prlimit(1, resource.RLIMIT_CPU, (6, 6))",
}
"""What changes the driver's processes: such a run may be lost with its container, and the next begins in another."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[DockerSandbox]:
    with open_sandbox("test", print, ["python"]) as opened:
        yield opened


def run(sandbox: DockerSandbox, body: str) -> list[Observation]:
    """Run one test with this body on several modules."""
    code = f"{OTHERS}\nimport module\n\ndef test_it():\n{textwrap.indent(textwrap.dedent(body), '    ')}"
    gives = [{"files": {"module.py": f"NAME = 'module {number}'\n"}} for number in range(MODULES)]
    cases = tuple((f"c{number}", give) for number, give in enumerate(gives))
    return list(sandbox.run(Job("python", "tests", "test_module.py", {"test_module.py": code}, cases, PATIENT)))


@pytest.mark.engine
@pytest.mark.parametrize("name", TRACES)
def test_a_run_finds_nothing_of_another(sandbox: DockerSandbox, name: str) -> None:
    found = run(sandbox, TRACES[name])
    assert [(one.status, one.value) for one in found] == [("returned", PASSED)] * MODULES


@pytest.mark.engine
@pytest.mark.parametrize("name", MEDDLING)
def test_a_run_that_changes_the_driver_is_not_seen_by_the_next(sandbox: DockerSandbox, name: str) -> None:
    body = "limits = {(pid, number): resource.prlimit(pid, number) for pid in (1, *others()) for number in (0, 7)}\n"
    body += "assert all(limits[pid, number] == resource.getrlimit(number) for pid, number in limits)\n"
    body += f"assert {{os.getpriority(os.PRIO_PROCESS, pid) for pid in (1, *others())}} == {{0}}\n{MEDDLING[name]}"
    found = run(sandbox, body)
    assert {one.status for one in found} <= {"returned", "crashed"}
    assert all(one.value == PASSED for one in found if one.status == "returned")


@pytest.mark.engine
def test_a_run_is_the_child_of_process_1_in_an_ordinary_python(sandbox: DockerSandbox) -> None:
    body = """
        import subprocess, sys

        time.sleep(0.2)
        assert (os.getppid(), os.getsid(0)) == (1, os.getpid())
        assert subprocess.run([sys.executable, '-c', 'print(1)'], capture_output=True).stdout == b'1\\n'
        assert os.environ['HOME'] == os.getcwd() and os.environ['TMPDIR'] == '/tmp'
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    """
    assert {str(one.value) for one in run(sandbox, body)} == {str(PASSED)}


@pytest.mark.engine
def test_the_first_failure_ends_a_run(sandbox: DockerSandbox) -> None:
    body = "assert module.NAME == 'module 0'\n\n\ndef test_later(): assert module.NAME == 'module 0'"
    code = f"import module\n\ndef test_it():\n    {body}"
    cases = tuple((f"c{at}", {"files": {"module.py": f"NAME = 'module {at}'\n"}}) for at in range(2))
    found = sandbox.run(Job("python", "tests", "test_module.py", {"test_module.py": code}, cases, PATIENT))
    assert [one.value for one in found] == [{**PASSED, "passed": 2}, {"exit": 1, "passed": 0, "failed": 1}]
