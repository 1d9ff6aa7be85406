"""The engine that is here, and what an engine must offer before answers run on it."""

from dataclasses import replace

import pytest

from harness.errors import EngineError
from harness.sandbox import applied_seccomp_profile, check_limits, ensure_engine
from harness.sandbox.container_config import engine_capabilities
from harness.types import LimitKind

pytestmark = pytest.mark.engine


def test_the_engine_here_is_found_and_not_touched() -> None:
    lines: list[str] = []
    engine = ensure_engine(lines.append)
    assert (engine.name in ("docker", "podman"), lines) == (True, [])


@pytest.mark.parametrize("enforced_limits", [(), ("cpu", "swap"), ("memory",), ("cpu", "processes", "swap")])
def test_an_engine_that_cannot_limit_memory_or_processes_is_refused_unless_that_is_accepted(
    enforced_limits: tuple[LimitKind, ...],
) -> None:
    engine = replace(ensure_engine(print), enforced_limits=enforced_limits, rootless=True, cgroup_version="1")
    with pytest.raises(EngineError, match=r"cannot limit .* \(rootless, cgroup v1\)") as raised:
        check_limits(engine, {})
    assert "LANEBENCH_UNLIMITED=1" in raised.value.problems[0].fix
    check_limits(engine, {"LANEBENCH_UNLIMITED": "1"})


@pytest.mark.parametrize(
    ("name", "runtime", "expected"),
    [
        ("docker", "runc", "lanebench"),
        ("docker", "runsc", None),
        ("docker", "kata-fc", None),
        ("podman", "crun", "engine"),
    ],
)
def test_which_seccomp_profile_applies_is_said_only_where_it_is_known(
    name: str, runtime: str, expected: str | None
) -> None:
    engine = replace(ensure_engine(print), name=name, capabilities=engine_capabilities(name, "x86_64"))
    assert applied_seccomp_profile(engine, runtime) == expected


def test_the_engine_that_is_here_limits_what_an_answer_uses() -> None:
    engine = ensure_engine(print)
    assert {"memory", "processes"} <= set(engine.enforced_limits)
    check_limits(engine, {})
