"""What is done where no engine answers: an installation, a start, or the command for this machine."""

import gc
import os
import signal
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil
import pytest

from harness.errors import EngineError
from harness.sandbox.install import DAEMON_LOG, Machine, engine_advice, install_engine, run_command, start_daemon


@dataclass
class Actions:
    """What was done on a machine, and which lines the user got."""

    lines: list[str] = field(default_factory=list)
    ran: list[list[str]] = field(default_factory=list)
    started: list[list[str]] = field(default_factory=list)
    pauses: int = 0

    def run(self, words: Sequence[str]) -> None:
        self.ran.append(list(words))

    def start(self, words: Sequence[str], log: Path) -> None:
        self.started.append(list(words))

    def pause(self, seconds: float) -> None:
        self.pauses += 1


def machine(actions: Actions, **facts: object) -> Machine:
    usual = Machine("linux", True, False, frozenset({"apt-get"}), False, actions.run, actions.start, actions.pause)
    return replace(usual, **facts)  # type: ignore[arg-type]


def answers_after(actions: Actions, pauses: int) -> Callable[[], bool]:
    return lambda: actions.pauses >= pauses


def test_as_root_with_apt_it_installs_and_starts_the_engine_and_says_so_in_one_line() -> None:
    actions = Actions()
    install_engine(machine(actions), actions.lines.append, answers_after(actions, 3))
    assert [words[:2] for words in actions.ran] == [["apt-get", "update"], ["apt-get", "install"]]
    assert actions.ran[1][-1] == "docker.io"
    assert actions.started == [["dockerd"]]
    (line,) = actions.lines
    assert "LANEBENCH_NO_INSTALL=1" in line
    assert "docker.io" in line


def test_an_engine_that_is_installed_but_stopped_is_only_started() -> None:
    actions = Actions()
    stopped = machine(actions, commands=frozenset({"apt-get", "dockerd"}))
    install_engine(stopped, actions.lines.append, answers_after(actions, 1))
    assert (actions.ran, actions.started) == ([], [["dockerd"]])


def test_where_a_service_manager_starts_it_the_kit_starts_none() -> None:
    actions = Actions()
    install_engine(machine(actions, has_service_manager=True), actions.lines.append, answers_after(actions, 2))
    assert actions.started == []


def test_a_daemon_that_never_answers_is_an_error_with_its_log() -> None:
    actions = Actions()
    with pytest.raises(EngineError, match="dockerd does not answer") as raised:
        install_engine(machine(actions), actions.lines.append, lambda: False)
    assert raised.value.problems[0].fix == f"see {DAEMON_LOG}"


@pytest.mark.parametrize(
    ("facts", "fix"),
    [
        ({"is_install_refused": True}, "`apt-get install docker.io`"),
        ({"is_root": False}, "`sudo apt-get install docker.io`"),
        ({"is_root": False, "commands": frozenset({"apt-get", "dockerd"})}, "`sudo service docker start`"),
        ({"commands": frozenset()}, "Docker or Podman with this system's packages"),
        ({"system": "darwin", "is_root": False}, "`brew install colima docker"),
        ({"system": "darwin", "is_root": True, "commands": frozenset({"colima"})}, "`colima start`"),
        ({"system": "win32", "is_root": False}, "DOCKER_HOST"),
    ],
)
def test_where_it_may_not_install_it_gives_the_command_of_that_machine(facts: dict[str, object], fix: str) -> None:
    actions = Actions()
    with pytest.raises(EngineError, match="no container engine answers") as raised:
        install_engine(machine(actions, **facts), actions.lines.append, lambda: False)
    (problem,) = raised.value.problems
    assert fix in problem.fix
    assert ("LANEBENCH_NO_INSTALL is set" in problem.message) == ("is_install_refused" in facts)
    assert (actions.ran, actions.started, actions.lines) == ([], [], [])


def test_advice_for_a_mac_names_its_engines_and_never_apt() -> None:
    advice = engine_advice(machine(Actions(), system="darwin"))
    assert "apt" not in advice
    assert "Docker Desktop" in advice
    assert "OrbStack" in advice


def test_a_command_that_fails_is_an_error_with_the_end_of_its_output() -> None:
    with pytest.raises(EngineError, match=r"`sh -c .*` failed \(3\): why"):
        run_command(["sh", "-c", "echo why >&2; exit 3"])


def line_of(log: Path) -> str:
    for _ in range(200):
        text = log.read_text(encoding="utf-8")
        if text.endswith("\n"):
            return text
        time.sleep(0.02)
    raise AssertionError("the daemon wrote nothing")


def test_a_daemon_outlives_the_kit_with_its_output_in_its_log_and_no_warning(tmp_path: Path) -> None:
    log = tmp_path / "daemon.log"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        start_daemon(["sh", "-c", "echo $$; exec sleep 60"], log)
        gc.collect()
    daemon = psutil.Process(int(line_of(log)))
    try:
        assert [str(warning.message) for warning in caught] == []
        assert daemon.is_running()
        assert daemon not in psutil.Process().children(recursive=True)
        assert os.getsid(daemon.pid) != os.getsid(0)
    finally:
        daemon.send_signal(signal.SIGKILL)
