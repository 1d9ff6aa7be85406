"""Embedded models: what the catalog says, and a model's file from packages, whatever goes wrong on the way to it."""

import errno
import hashlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from harness.embedded import (
    EmbeddedModel,
    HubFile,
    PackagePart,
    fetch_model,
    find_file,
    get_embedded_model,
    load_catalog,
    model_config,
    with_free_port,
)
from harness.embedded.cache import cached_path, locked_cache, require_space, unwritable
from harness.embedded.catalog import read_catalog
from harness.embedded.packages import package_client
from harness.errors import ConfigError, DiskError, DownloadError
from harness.files import cache_folder, to_json
from harness.schema import parse_toml
from harness.types import Model

PIECES = (b"GGUF" + bytes(range(256)) * 40, b"the second part " * 300, b"the end")
CLIENT = """
    import pathlib, sys
    here, (dest, requirement) = pathlib.Path(__file__).parent, sys.argv[-2:]
    name, version = requirement.split("==")
    asked = here / "asked"
    asked.write_text(asked.read_text() + name + " " if asked.exists() else name + " ")
    wheel = here / f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    if not wheel.exists():
        sys.exit(f"Looking in indexes\\nERROR: No matching distribution found for {requirement}")
    (pathlib.Path(dest) / wheel.name).write_bytes(wheel.read_bytes())
"""


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Registry:
    """Local wheels and a client that gives them out; `asked` are the packages that it was asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "client.py").write_text(textwrap.dedent(CLIENT))
        self.client = (sys.executable, str(folder / "client.py"))
        self.log: list[str] = []

    def add(self, number: int, data: bytes, *others: str) -> PackagePart:
        part = PackagePart(f"piece-{number}", "1.0", f"piece_{number}/data/part", len(data), digest(data))
        with zipfile.ZipFile(self.folder / f"piece_{number}-1.0-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
            wheel.writestr(f"piece_{number}/__init__.py", "raise SystemExit('imported')")
            for other in others:
                wheel.writestr(other, "hostile")
            wheel.writestr(part.member, data)
        return part

    def remove(self, number: int) -> None:
        (self.folder / f"piece_{number}-1.0-py3-none-any.whl").unlink()

    def asked(self) -> list[str]:
        path = self.folder / "asked"
        names = path.read_text().split() if path.exists() else []
        path.unlink(missing_ok=True)
        return names

    def fetch(self, model: EmbeddedModel) -> Path:
        return fetch_model(model, self.log.append, self.client)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    folder = tmp_path / "registry"
    folder.mkdir()
    return Registry(folder)


@pytest.fixture
def model(registry: Registry) -> EmbeddedModel:
    """A model in three parts."""
    parts = tuple(registry.add(number, data) for number, data in enumerate(PIECES))
    return a_model(parts, b"".join(PIECES))


def a_model(parts: Sequence[PackagePart], data: bytes) -> EmbeddedModel:
    return EmbeddedModel(
        name="tiny",
        title="Tiny",
        license="Apache-2.0",
        parameters_b=0.001,
        quantization="F16",
        template="chat",
        context_tokens=4096,
        is_default=True,
        size_bytes=len(data),
        sha256=digest(data),
        parts=tuple(parts),
    )


@pytest.fixture(autouse=True)
def cache(tmp_path: Path) -> Iterator[Path]:
    """A cache of this test's own, and no store of another program; downloads are allowed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LANEBENCH_CACHE", str(tmp_path / "cache"))
        patch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
        patch.setenv("OLLAMA_MODELS", str(tmp_path / "ollama"))
        patch.delenv("LANEBENCH_NO_DOWNLOAD", raising=False)
        yield tmp_path / "cache"


def left_in(cache: Path) -> set[str]:
    return {path.name for path in cache.iterdir()} - {".lock"}


# --- the catalog ------------------------------------------------------------------------------------------------


def test_every_model_is_pinned_and_its_parts_add_up() -> None:
    models = load_catalog()
    assert [model.name for model in models if model.is_default] == ["smollm2-135m", "qwen2.5-coder-0.5b"]
    assert len({model.sha256 for model in models}) == len(models) >= 4
    for model in models:
        assert sum(part.size_bytes for part in model.parts) == model.size_bytes, model.name
        assert all(part.member.split("/")[0] == part.package.replace("-", "_") for part in model.parts)


def test_an_unknown_model_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="known: smollm2-135m") as caught:
        get_embedded_model("smollm-135m")
    assert "smollm2-135m" in caught.value.fix


def test_a_catalog_with_a_wrong_digest_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "models.toml"
    path.write_text('[[models]]\nname = "tiny"\nsha256 = "1234"\n')
    with pytest.raises(ConfigError) as caught:
        read_catalog(path)
    assert any("line 3" in problem.message and "sha256" in problem.message for problem in caught.value.problems)


def test_a_model_is_configured_with_a_free_port_each_time() -> None:
    entry = model_config(get_embedded_model("smollm2-135m"))
    assert entry.lifecycle is not None
    assert entry.base_url == f"http://127.0.0.1:{entry.lifecycle.start[-1]}/v1"
    assert entry.facts["license"] == "Apache-2.0"
    again = with_free_port(entry)
    assert again.base_url != entry.base_url
    assert again.lifecycle is not None
    assert again.lifecycle.start[:-1] == entry.lifecycle.start[:-1]


def test_another_model_keeps_its_port() -> None:
    entry = Model("a", "llama-server", "http://127.0.0.1:8080/v1", "a")
    assert with_free_port(entry) is entry


def test_a_base_model_says_how_it_is_asked() -> None:
    assert "base model" in str(model_config(get_embedded_model("gemma-3-270m")).facts["chat_template"])


# --- a file from packages ---------------------------------------------------------------------------------------


def test_a_model_is_put_together_once(registry: Registry, model: EmbeddedModel, cache: Path) -> None:
    path = registry.fetch(model)
    assert path.read_bytes() == b"".join(PIECES)
    assert registry.asked() == ["piece-0", "piece-1", "piece-2"]
    assert registry.fetch(model) == path
    assert registry.asked() == []
    assert left_in(cache) == {path.name}
    assert registry.log[1] == "tiny: part 2 of 3, 0 MB"


def test_a_missing_part_is_one_line_and_the_others_are_kept(registry: Registry, model: EmbeddedModel) -> None:
    registry.remove(2)
    with pytest.raises(DownloadError) as caught:
        registry.fetch(model)
    assert caught.value.message == (
        "package piece-2==1.0 cannot be downloaded: No matching distribution found for piece-2==1.0"
    )
    assert find_file(model) is None
    registry.add(2, PIECES[2])
    registry.asked()
    assert registry.fetch(model).read_bytes() == b"".join(PIECES)
    assert registry.asked() == ["piece-2"]


@pytest.mark.parametrize("data", [PIECES[1][:-1], PIECES[1][:-1] + b"!", PIECES[1] + b"more", bytes(100_000)])
def test_a_part_with_other_data_is_refused(registry: Registry, model: EmbeddedModel, cache: Path, data: bytes) -> None:
    registry.add(1, data)
    with pytest.raises(DownloadError, match=r"piece-1==1\.0 is not used: its data is not the file"):
        registry.fetch(model)
    assert (cache / left_in(cache).pop()).stat().st_size == len(PIECES[0])
    registry.add(1, PIECES[1])
    assert registry.fetch(model).read_bytes() == b"".join(PIECES)


def test_a_whole_with_another_digest_is_removed(registry: Registry, model: EmbeddedModel, cache: Path) -> None:
    with pytest.raises(DownloadError, match="digest of its parts together"):
        registry.fetch(replace(model, sha256=digest(b"another")))
    assert left_in(cache) == set()


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x05\x06" + bytes(18)])
def test_a_wheel_that_is_no_archive_is_refused(registry: Registry, model: EmbeddedModel, content: bytes) -> None:
    (registry.folder / "piece_0-1.0-py3-none-any.whl").write_bytes(content)
    with pytest.raises(DownloadError, match=r"piece-0==1\.0 is not used"):
        registry.fetch(model)


def test_hostile_names_in_an_archive_are_never_written(registry: Registry, model: EmbeddedModel, cache: Path) -> None:
    registry.add(0, PIECES[0], "../../escaped", "/tmp/escaped", "piece_0/data/../part")
    path = registry.fetch(model)
    assert left_in(cache) == {path.name}
    assert list(cache.parent.rglob("escaped")) == []


def test_two_data_files_of_one_name_are_refused(registry: Registry, model: EmbeddedModel) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        registry.add(0, PIECES[0], "piece_0/data/part")
    with pytest.raises(DownloadError, match="has 2 files piece_0/data/part"):
        registry.fetch(model)


def test_a_wheel_much_larger_than_its_data_is_not_opened(registry: Registry, model: EmbeddedModel) -> None:
    with (registry.folder / "piece_0-1.0-py3-none-any.whl").open("r+b") as wheel:
        wheel.truncate(17 << 20)
    with pytest.raises(DownloadError, match="larger than its data"):
        registry.fetch(model)


def test_a_client_that_cannot_be_started_is_one_line(model: EmbeddedModel) -> None:
    with pytest.raises(DownloadError, match="/no/such/pip cannot be started: No such file"):
        fetch_model(model, print, ("/no/such/pip",))


def test_the_client_is_this_pythons_pip() -> None:
    assert package_client() == (sys.executable, "-m", "pip")


def test_downloads_can_be_forbidden(registry: Registry, model: EmbeddedModel) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LANEBENCH_NO_DOWNLOAD", "1")
        with pytest.raises(DownloadError, match="LANEBENCH_NO_DOWNLOAD=1 forbids"):
            registry.fetch(model)
        assert registry.asked() == []
        cached_path(model).parent.mkdir()
        cached_path(model).write_bytes(b"".join(PIECES))
        assert registry.fetch(model) == cached_path(model)


# --- the cache --------------------------------------------------------------------------------------------------


def test_a_damaged_file_in_the_cache_is_replaced(registry: Registry, model: EmbeddedModel) -> None:
    path = registry.fetch(model)
    path.write_bytes(bytes(model.size_bytes))
    assert registry.fetch(model).read_bytes() == b"".join(PIECES)
    assert any("digest" in line for line in registry.log)


def test_what_the_hubs_client_or_ollama_has_is_used_where_it_is(registry: Registry, model: EmbeddedModel) -> None:
    model = replace(model, hub=HubFile("maker/tiny", "tiny.gguf"))
    ollama = Path(os.environ["OLLAMA_MODELS"]) / "blobs" / f"sha256-{model.sha256}"
    hub = Path(os.environ["HF_HUB_CACHE"]) / "models--maker--tiny" / "blobs" / model.sha256
    for path in (ollama, hub):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"".join(PIECES))
        assert registry.fetch(model) == path
    assert registry.asked() == []


@pytest.mark.parametrize(
    ("variables", "store"),
    [
        ({"HF_HUB_CACHE": "{}/a", "HUGGINGFACE_HUB_CACHE": "{}/b", "HF_HOME": "{}/c"}, "a"),
        ({"HUGGINGFACE_HUB_CACHE": "{}/b", "HF_HOME": "{}/c"}, "b"),
        ({"HF_HOME": "{}/c", "XDG_CACHE_HOME": "{}/d"}, "c/hub"),
        ({"XDG_CACHE_HOME": "{}/d"}, "d/huggingface/hub"),
        ({"XDG_CACHE_HOME": "$HOME/d"}, "d/huggingface/hub"),
        ({}, ".cache/huggingface/hub"),
    ],
)
def test_the_hubs_store_is_where_its_client_keeps_it(
    model: EmbeddedModel, tmp_path: Path, variables: dict[str, str], store: str
) -> None:
    model = replace(model, hub=HubFile("maker/tiny", "tiny.gguf"))
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
            patch.delenv(name, raising=False)
        patch.setenv("HOME", str(tmp_path))
        for name, value in variables.items():
            patch.setenv(name, value.format(tmp_path))
        path = tmp_path / store / "models--maker--tiny" / "blobs" / model.sha256
        path.parent.mkdir(parents=True)
        path.write_bytes(b"".join(PIECES))
        assert find_file(model) == path


def test_a_damaged_file_of_one_program_hides_no_good_one_of_another(registry: Registry, model: EmbeddedModel) -> None:
    model = replace(model, hub=HubFile("maker/tiny", "tiny.gguf"))
    ollama = Path(os.environ["OLLAMA_MODELS"]) / "blobs" / f"sha256-{model.sha256}"
    hub = Path(os.environ["HF_HUB_CACHE"]) / "models--maker--tiny" / "blobs" / model.sha256
    for path, data in ((hub, bytes(model.size_bytes)), (ollama, b"".join(PIECES))):
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
    assert registry.fetch(model) == find_file(model) == ollama
    assert registry.asked() == []


def test_a_damaged_file_of_another_program_stays_and_is_not_used(registry: Registry, model: EmbeddedModel) -> None:
    ollama = Path(os.environ["OLLAMA_MODELS"]) / "blobs" / f"sha256-{model.sha256}"
    ollama.parent.mkdir(parents=True)
    ollama.write_bytes(bytes(model.size_bytes))
    assert registry.fetch(model) == cached_path(model)
    assert ollama.read_bytes() == bytes(model.size_bytes)


def test_the_hubs_client_is_asked_first_and_its_file_is_checked(registry: Registry, model: EmbeddedModel) -> None:
    model = replace(model, hub=HubFile("maker/tiny", "tiny.gguf"))
    blobs = Path(os.environ["HF_HUB_CACHE"]) / "models--maker--tiny" / "blobs"
    blobs.mkdir(parents=True)
    (registry.folder / "good").write_bytes(b"".join(PIECES))
    command = registry.folder / "hf"
    command.write_text(
        '#!/bin/sh\n[ "$*" = "download maker/tiny tiny.gguf" ] && '
        f'cp "{registry.folder}/good" "{blobs}/{model.sha256}"\n'
    )
    command.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(registry.folder), prepend=os.pathsep)
        assert registry.fetch(model) == blobs / model.sha256
        assert registry.asked() == []
        (blobs / model.sha256).unlink()
        (registry.folder / "good").write_bytes(bytes(model.size_bytes))
        assert registry.fetch(model) == cached_path(model)
    assert registry.log[-4] == "tiny: not from the hub (exit code 0)"


def test_a_cache_that_cannot_be_written_is_one_line(registry: Registry, model: EmbeddedModel, cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    with pytest.raises(DiskError, match="cannot be written") as caught:
        registry.fetch(model)
    assert "LANEBENCH_CACHE" in caught.value.fix


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    assert unwritable(tmp_path, OSError(errno.ENOSPC, "No space left")).message.endswith("the disk is full")
    with pytest.raises(DiskError, match=r"1,000,000,000,000 MB are needed, [0-9,]+ MB are free"):
        require_space(tmp_path, 10**18)


def test_space_is_checked_before_the_first_download(registry: Registry, model: EmbeddedModel) -> None:
    with pytest.raises(DiskError, match="are needed"):
        registry.fetch(replace(model, parts=(replace(model.parts[0], size_bytes=10**18),)))
    assert registry.asked() == []


def test_the_cache_follows_xdg_with_an_absolute_path_only(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("LANEBENCH_CACHE")
        patch.setenv("XDG_CACHE_HOME", str(tmp_path))
        assert cache_folder() == tmp_path / "lanebench"
        patch.setenv("XDG_CACHE_HOME", "relative")
        assert cache_folder() == Path.home() / ".cache" / "lanebench"


def test_a_second_run_waits_and_finds_the_file_of_the_first(registry: Registry, model: EmbeddedModel) -> None:
    found: list[Path] = []
    second = threading.Thread(target=lambda: found.append(registry.fetch(model)))
    with locked_cache(print):
        second.start()
        while not registry.log:
            time.sleep(0.005)
        cached_path(model).write_bytes(b"".join(PIECES))
    second.join()
    assert registry.log == ["another run is downloading models: waiting for it"]
    assert found == [cached_path(model)]
    assert registry.asked() == []


def test_ctrl_c_in_a_download_leaves_only_whole_parts(registry: Registry, model: EmbeddedModel, cache: Path) -> None:
    hanging = registry.folder / "hanging.py"
    text = (registry.folder / "client.py").read_text()
    # The client has written half of a wheel when it is stopped.
    hang = (
        'if name == "piece-1":\n    (pathlib.Path(dest) / wheel.name).write_bytes(b"PK half")\n    print(flush=True)\n'
    )
    hanging.write_text(
        text.replace(
            "if not wheel", hang + '    (here / "hangs").touch()\n    __import__("time").sleep(60)\nif not wheel'
        )
    )
    program = f"""
        from harness.embedded import *
        parts = {model.parts!r}
        fetch_model({model!r}, print, ({sys.executable!r}, {str(hanging)!r}))
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stderr=subprocess.PIPE, text=True)
    while not (registry.folder / "hangs").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert "KeyboardInterrupt" in process.communicate(timeout=20)[1]
    assert left_in(cache) == {cached_path(model).with_suffix(".partial").name}
    assert find_file(model) is None
    registry.asked()
    assert registry.fetch(model).read_bytes() == b"".join(PIECES)
    assert registry.asked() == ["piece-1", "piece-2"]


def test_what_a_killed_download_left_is_removed(registry: Registry, model: EmbeddedModel, cache: Path) -> None:
    (cache / ".download-killed").mkdir(parents=True)
    (cache / ".download-killed" / "half.whl").write_bytes(b"PK")
    # A kill in the middle of appending the second part.
    cached_path(model).with_suffix(".partial").write_bytes(PIECES[0] + PIECES[1][:100])
    assert registry.fetch(model).read_bytes() == b"".join(PIECES)
    assert registry.asked() == ["piece-1", "piece-2"]
    assert left_in(cache) == {cached_path(model).name}


def test_a_disk_that_fills_up_in_a_part_is_one_line_and_keeps_the_parts_before(
    registry: Registry, model: EmbeddedModel, cache: Path
) -> None:
    program = f"""
        import resource
        from harness.embedded import *
        from harness.errors import DiskError
        resource.setrlimit(resource.RLIMIT_FSIZE, ({len(PIECES[0]) + 100}, {len(PIECES[0]) + 100}))
        try:
            fetch_model({model!r}, print, {registry.client!r})
        except DiskError as error:
            print(error.message, error.fix, sep="; ")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=False, timeout=30
    )
    assert "cannot be written" in done.stdout.splitlines()[-1], done.stderr
    assert "LANEBENCH_CACHE" in done.stdout
    assert [(cache / name).stat().st_size for name in left_in(cache)] == [len(PIECES[0])]


@pytest.mark.parametrize("name", [entry.name for entry in load_catalog()])
def test_a_configuration_may_declare_every_fact_of_an_embedded_model(name: str) -> None:
    facts = model_config(get_embedded_model(name)).facts
    text = """[[models]]
label = "x"
server = "llama-server"
base_url = "http://127.0.0.1:1/v1"
model = "x"
[models.facts]
""" + "\n".join(f"{key} = {to_json(value)}" for key, value in facts.items())
    assert parse_toml("config", text, "bench.toml").problems == ()
