"""docker's client for the engine at an endpoint: `open_client`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from docker import APIClient
from docker.utils import kwargs_from_env

from harness.sandbox.endpoints import EngineEndpoint
from harness.types import Json

_TIMEOUT_S = 120


class _Client(APIClient):
    """docker's client without the environment of requests, which puts REQUESTS_CA_BUNDLE before an engine's own CA."""

    def merge_environment_settings(self, *settings: Any) -> Any:
        self.trust_env = False
        return super().merge_environment_settings(*settings)


def open_client(endpoint: EngineEndpoint, env: Mapping[str, str]) -> Any:
    """A client that speaks the engine's own version of the API. Raises DockerException or OSError."""
    options: dict[str, Json] = {"base_url": endpoint.url}
    if endpoint.chosen_by == "DOCKER_HOST":
        options = dict(kwargs_from_env(environment=dict(env)))
    elif endpoint.tls is not None:
        options["tls"] = endpoint.tls
    return _Client(version="auto", timeout=_TIMEOUT_S, **options)
