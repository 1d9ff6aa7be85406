"""The embedded server as a run sees it: whether this machine can have it, and a model's entry with its lifecycle.

`check_server` says what is missing, `model_config` makes the entry, `with_free_port` renews its port in a resumed run.
"""

from __future__ import annotations

import importlib.util
import platform
import socket
import sys
from dataclasses import replace

from harness.embedded.catalog import EmbeddedModel
from harness.errors import DownloadError
from harness.types import Json, Lifecycle, Model, Sampling

SERVER_KIND = "xllamacpp"
SERVE_MODULE = "harness.embedded.serve"
READY_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 15.0


def check_server(package: str = "xllamacpp") -> None:
    """Raise DownloadError unless the package with the server is installed."""
    if importlib.util.find_spec(package) is None:
        machine = f"{platform.system()} {platform.machine()} with Python {platform.python_version()}"
        wheels = "there are wheels for Linux with glibc and for macOS, on x86-64 and arm64"
        raise DownloadError(
            f"the server's wheel, {package}, is not installed on this machine ({machine}; {wheels})",
            fix="install the extra `embedded` of lanebench, or start a llama-server of your own and measure that",
        )


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def model_config(model: EmbeddedModel) -> Model:
    """The entry of an embedded model: greedy, started and stopped by the run on a free port."""
    facts: dict[str, Json] = {
        "title": model.title,
        "license": model.license,
        "parameters_b": model.parameters_b,
        "quantization": model.quantization,
        "file_bytes": model.size_bytes,
        "file_sha256": model.sha256,
    }
    if model.template == "plain":
        facts["chat_template"] = "none: a base model, asked with the messages as plain text"
    command = (sys.executable, "-m", SERVE_MODULE, model.name, "--context", str(model.context_tokens), "--port")
    return with_free_port(
        Model(
            label=model.name,
            server=SERVER_KIND,
            base_url="",
            model=model.name,
            sampling=Sampling(temperature=0.0, top_p=1.0, top_k=0, min_p=0.0),
            context_tokens=model.context_tokens,
            facts=facts,
            lifecycle=Lifecycle(
                "process", (*command, "0"), ready_timeout_s=READY_TIMEOUT_S, stop_timeout_s=STOP_TIMEOUT_S
            ),
        )
    )


def with_free_port(model: Model) -> Model:
    """An embedded model's entry with a port that is free now; the entry of any other model as it is."""
    lifecycle = model.lifecycle
    if lifecycle is None or SERVE_MODULE not in lifecycle.start or lifecycle.start[-2] != "--port":
        return model
    port = free_port()
    start = (*lifecycle.start[:-1], str(port))
    return replace(model, base_url=f"http://127.0.0.1:{port}/v1", lifecycle=replace(lifecycle, start=start))
