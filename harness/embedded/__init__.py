"""Embedded models: small pretrained models that packages hold, and llama.cpp's server from a wheel to serve them.

`load_catalog` lists the models of models.toml, `fetch_model` gives the file of one, `serve.py` serves it in a process
of its own, and `model_config` is its entry in a run.
"""

from harness.embedded.cache import find_file
from harness.embedded.catalog import EmbeddedModel, HubFile, PackagePart, get_embedded_model, load_catalog
from harness.embedded.fetch import NO_DOWNLOAD, fetch_model
from harness.embedded.packages import append_member, download_package, package_client
from harness.embedded.server import SERVER_KIND, check_server, free_port, model_config, with_free_port

__all__ = [
    "NO_DOWNLOAD",
    "SERVER_KIND",
    "EmbeddedModel",
    "HubFile",
    "PackagePart",
    "append_member",
    "check_server",
    "download_package",
    "fetch_model",
    "find_file",
    "free_port",
    "get_embedded_model",
    "load_catalog",
    "model_config",
    "package_client",
    "with_free_port",
]
