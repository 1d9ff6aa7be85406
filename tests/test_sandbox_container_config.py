"""What a container is created with: every safety setting, and only what the engine accepts."""

import json

import pytest

from harness.errors import EngineError
from harness.sandbox.container_config import (
    USERS,
    ContainerKind,
    EngineCapabilities,
    create_body,
    engine_capabilities,
)
from harness.sandbox.seccomp import seccomp_profile
from harness.types import Limits


@pytest.mark.parametrize("architecture", ["x86_64", "aarch64"])
def test_the_seccomp_profile_is_for_one_architecture_and_leaves_the_dangerous_calls_out(architecture: str) -> None:
    profile = json.loads(seccomp_profile(architecture) or "")
    allowed = {name for rule in profile["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW" for name in rule["names"]}
    assert len(profile["architectures"]) == 1
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"
    refused = {"mount", "ptrace", "bpf", "unshare", "setns", "keyctl", "io_uring_setup", "perf_event_open", "clone3",
               "sync", "syncfs"}  # fmt: skip
    assert allowed & refused == set()


def test_an_architecture_without_a_profile_gets_the_engines_own() -> None:
    assert seccomp_profile("riscv64") is None


def test_every_safety_setting_is_in_the_create_body() -> None:
    kind = ContainerKind("image", "python", "calls", Limits())
    body = create_body(kind, EngineCapabilities("{}"), {"lanebench.run": "r"})
    host = body["HostConfig"]
    user, group = body["User"].split(":")
    assert (int(user) in USERS, group) == (True, user)
    assert f"uid={user},gid={user}" in host["Tmpfs"]["/work"]
    assert (body["NetworkDisabled"], host["ReadonlyRootfs"]) == (True, True)
    assert (host["CapDrop"], host["Memory"], host["MemorySwap"]) == (["ALL"], 2**28, 2**28)
    assert host["LogConfig"]["Type"] == "none"
    assert host["SecurityOpt"] == ["no-new-privileges", "seccomp={}"]
    assert not host.get("Binds")
    assert not host.get("Privileged")


def test_a_container_for_an_unknown_language_is_an_engine_error() -> None:
    with pytest.raises(EngineError, match="'cobol'"):
        create_body(ContainerKind("image", "cobol", "calls", Limits()), EngineCapabilities(None), {})


def test_podman_is_given_only_what_it_accepts() -> None:
    kind = ContainerKind("image", "python", "calls", Limits())
    body = create_body(kind, engine_capabilities("podman", "x86_64"), {})
    assert body["HostConfig"]["SecurityOpt"] == ["no-new-privileges"]
    assert all("nr_inodes" not in mount for mount in body["HostConfig"]["Tmpfs"].values())
    assert engine_capabilities("docker", "x86_64").seccomp_profile == seccomp_profile("x86_64")
