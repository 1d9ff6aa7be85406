"""Images that are not the kit's own: whether the engine has one, gets one, and can start a container of it.

`image_problem` is the entry point. Nothing of such an image is trusted: its container gets no network, no file and no
more than one program to run.
"""

from __future__ import annotations

from contextlib import suppress

from harness.errors import EngineError
from harness.sandbox.engine import Engine, engine_errors, reason_of
from harness.types import Log

_NO_MANIFEST = "no matching manifest"
"""What an engine says of an image that is not there for its processor; most are for amd64, which some emulate."""
_KERNEL_WORDS = {"amd64": "x86_64", "arm64": "aarch64"}


def image_problem(engine: Engine, name: str, log: Log) -> str | None:
    """Why no container of an image can run here; None if one can. An image that is not here is pulled.

    Raises EngineError where the engine itself fails.
    """
    architecture = _architecture(engine, name)
    if architecture is None:
        log(f"Pulling the image {name} (once; such images have several GB).")
        why = _pull(engine, name)
        if why is not None and _NO_MANIFEST in why:
            why = _pull(engine, name, platform="linux/amd64")
        if why is not None:
            return f"the image {name} is not here and cannot be pulled: {why}"
        architecture = _architecture(engine, name)
    if architecture == engine.architecture or _starts(engine, name):
        return None
    return f"the image {name} is for {architecture}, this engine runs {engine.architecture} and cannot emulate it"


def _architecture(engine: Engine, name: str) -> str | None:
    """The processor that an image is for, in the kernel's word; None where the engine does not have the image."""
    from docker.errors import ImageNotFound

    with engine_errors("looking for an image"):
        try:
            word = str(engine.api.inspect_image(name).get("Architecture") or "")
        except ImageNotFound:
            return None
    return _KERNEL_WORDS.get(word, word)


def _pull(engine: Engine, name: str, platform: str | None = None) -> str | None:
    """Why an image cannot be pulled; None if it was."""
    from docker.errors import APIError

    repository, _, tag = name.rpartition(":") if ":" in name.rpartition("/")[2] else (name, "", "latest")
    try:
        for step in engine.api.pull(repository, tag=tag, platform=platform, stream=True, decode=True):
            if "error" in step:
                return str(step["error"])
    except APIError as error:
        return reason_of(error)
    return None


def _starts(engine: Engine, name: str) -> bool:
    """Whether a container of an image for another processor runs a program: some engines emulate it."""
    from docker.errors import DockerException

    try:
        with engine_errors("starting a container of another architecture"):
            made = engine.api.create_container(
                name, command=["true"], entrypoint=[], network_disabled=True, labels={"lanebench.image": name}
            )
    except EngineError:
        return False
    try:
        with engine_errors("starting a container of another architecture"):
            engine.api.start(made)
            return bool(engine.api.wait(made, timeout=60)["StatusCode"] == 0)
    except EngineError:
        return False
    finally:
        with suppress(DockerException):
            engine.api.remove_container(made, force=True)
