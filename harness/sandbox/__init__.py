"""Throwaway containers that run what a model wrote: inputs go in, plain JSON values come out.

`open_sandbox` is the entry point; it gives a DockerSandbox that runs jobs from many threads. Scoring happens on
the host (harness/score): no expected value enters a container. How values are encoded:
harness/sandbox/values.py. docker's client is imported where an engine is looked for, since most commands need none.
"""

from harness.sandbox.base_image import debian_mirror
from harness.sandbox.baseline import has_docker_cli, run_bare_container, run_docker_cli
from harness.sandbox.cleanup import owner_labels, remove_orphans
from harness.sandbox.container_config import WORK
from harness.sandbox.docker_sandbox import DockerSandbox, open_sandbox
from harness.sandbox.engine import Engine, ensure_engine, find_engine
from harness.sandbox.environment import environment_name, resolve_packages
from harness.sandbox.image import (
    ensure_image,
    export_image,
    has_image,
    host_files,
    image_digest,
    image_name,
    image_tags,
    import_image,
    missing_images,
    run_build,
)
from harness.sandbox.locks import hold_lock
from harness.sandbox.npm_packages import LOCK_FILE, resolve_npm, run_npm
from harness.sandbox.other_images import image_problem
from harness.sandbox.requirements import applied_seccomp_profile, check_limits, check_runtime
from harness.sandbox.stream_container import StreamContainer, StreamContainerSpec

__all__ = [
    "LOCK_FILE",
    "WORK",
    "DockerSandbox",
    "Engine",
    "StreamContainer",
    "StreamContainerSpec",
    "applied_seccomp_profile",
    "check_limits",
    "check_runtime",
    "debian_mirror",
    "ensure_engine",
    "ensure_image",
    "environment_name",
    "export_image",
    "find_engine",
    "has_docker_cli",
    "has_image",
    "hold_lock",
    "host_files",
    "image_digest",
    "image_name",
    "image_problem",
    "image_tags",
    "import_image",
    "missing_images",
    "open_sandbox",
    "owner_labels",
    "remove_orphans",
    "resolve_npm",
    "resolve_packages",
    "run_bare_container",
    "run_build",
    "run_docker_cli",
    "run_npm",
]
