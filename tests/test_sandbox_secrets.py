"""What an answer can learn of the host and return is not in its observation, which is published."""

from typing import cast

import pytest

from harness.sandbox import open_sandbox
from harness.sandbox.docker_sandbox import kernel_secrets, without
from harness.types import Job, Json, Limits, Observation

SECRETS = kernel_secrets("6.12.30-vm-r412", "#1 SMP PREEMPT_DYNAMIC Mon Nov 3")
TELLING_PATHS = (
    "/proc/bus/pci/devices",
    "/proc/cmdline",
    "/proc/config.gz",
    "/proc/diskstats",
    "/proc/modules",
    "/proc/partitions",
    "/proc/sys/kernel/osrelease",
    "/proc/sys/kernel/random/boot_id",
    "/proc/version",
    "/sys/devices/virtual/dmi/id/product_name",
    "/sys/kernel/notes",
)
READS = """
def f(path):
    try:
        with open(path, "rb") as file:
            return file.read(100).decode("latin-1")
    except OSError:
        return ""
"""


@pytest.mark.parametrize(
    ("value", "published"),
    [
        ("release 6.12.30-vm-r412", "release (kernel)"),
        (["6", "18", "30-vm-r412"], ["6", "18", "(kernel)"]),
        ({"30-vm-r412": ["#1 SMP PREEMPT_DYNAMIC Mon Nov 3"]}, {"(kernel)": ["(kernel)"]}),
        (["6.18", 18.44, "v1", None], ["6.18", 18.44, "v1", None]),
    ],
)
def test_the_kernels_names_and_their_telling_parts_are_left_out(value: Json, published: Json) -> None:
    assert without(Observation("c", "returned", value, "n"), SECRETS).value == published


@pytest.mark.parametrize("release", ["5.15.0-91-generic", "6.1.0-18-amd64", "6.5.6-300.fc39.x86_64", "6.6.3-aarch64"])
def test_words_that_honest_answers_return_are_no_secrets(release: str) -> None:
    honest = ["generic", "amd64", "x86_64", "aarch64", "6.1", "5.15", "0", "18"]
    observation = Observation("c", "returned", cast(Json, honest))
    assert without(observation, kernel_secrets(release, "")) is observation


@pytest.mark.engine
def test_files_that_tell_of_the_host_are_empty_in_a_container() -> None:
    cases = tuple((path, {"call": "f", "args": [path]}) for path in TELLING_PATHS)
    with open_sandbox("secrets-test", print, ["python"]) as sandbox:
        observations = sandbox.run(Job("python", "calls", "answer.py", {"answer.py": READS}, cases, Limits()))
    assert {seen.case: seen.value for seen in observations} == dict.fromkeys(TELLING_PATHS, "")
