"""Every field of a sound bundle is edited, one at a time, with recomputed digests and manifest; `verify` must find it.

The fields that no check can cover are listed with the reason, and the list is exact.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.types import Json
from harness.verify import VerifyOptions, verify
from tests.bundle import Bundle, good_bundle, reread_once, tasks, write_bundle
from tests.deep import sampled

CLAIM = "a claim of the author: nothing in a bundle can prove it"
RECOMPUTED = "this test recomputes the digests, as a forger would; tests/reject/digests edits them"
NO_NUMBER = "no number of the result is computed from it; only the digest covers it, and a forger recomputes that"
NO_STATUS = "the body counts, not the status: an error is recognized by its body too"

USER_CHOICE = "a choice of the user before the run: a lane may have any requirements and any override"

UNCOVERED = {
    "log: at": CLAIM,
    "log: boot_id": CLAIM,
    "log: monotonic_ns": CLAIM,
    "log: reason": CLAIM,
    "log: torn_bytes": CLAIM,
    "recordings: headers.content-type": NO_NUMBER,
    "recordings: headers_ns": NO_NUMBER,
    "recordings: min_prompt_tokens": "who removes it removes a check of their own result; a higher value is found",
    "recordings: status": NO_STATUS,
    "recordings: url": NO_NUMBER,
    "result: digests.log_sha256": RECOMPUTED,
    "result: digests.recordings_sha256": RECOMPUTED,
    "result: digests.scores_sha256": RECOMPUTED,
    "result: kit.commit": CLAIM,
    "result: lanes.max_memory_bytes": USER_CHOICE,
    "result: lanes.min_pass_rate": USER_CHOICE,
    "result: lanes.override.model": USER_CHOICE,
    "result: lanes.override.reason": USER_CHOICE,
    "result: lanes.tasks.code-bugfix": USER_CHOICE,
    "result: models.facts.active_parameters_b": CLAIM,
    "result: models.facts.bits_per_weight": CLAIM,
    "result: models.facts.parameters_b": CLAIM,
    "result: models.server_version": CLAIM,
} | {
    f"result: host.{name}": CLAIM
    for name in (
        *("architecture", "cpu_cores", "gpu_cores", "load_1m", "memory_bytes", "power_source", "python_version"),
        *("swap_used_bytes", "system", "system_version", "thermal_state"),
    )
}
"""Each field that can be edited without a finding, and why. In a run folder, run.json covers the host as well."""


@dataclass(frozen=True)
class Place:
    """The place of a value: the document and the path in it."""

    document: str
    path: tuple[str | int, ...]

    @property
    def name(self) -> str:
        """The place without list indexes: one field of the format."""
        steps = [step for step in self.path[self.document != "result" :] if not isinstance(step, int)]
        return f"{self.document}: {'.'.join(str(step) for step in steps)}"


def _leaves(value: Json, document: str, path: tuple[str | int, ...] = ()) -> Iterator[tuple[Place, Json]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _leaves(inner, document, (*path, name))
    elif isinstance(value, list) and value:
        for at, inner in enumerate(value):
            yield from _leaves(inner, document, (*path, at))
    else:
        yield Place(document, path), value


def _other_text(text: str) -> str:
    if re.fullmatch(r"[0-9a-f]{40,64}", text):
        return ("0" if text[0] != "0" else "1") + text[1:]
    if re.match(r"\d{4}-\d\d-\d\dT", text):
        return text[:17] + f"{(int(text[17:19]) + 1) % 60:02d}" + text[19:]
    if re.fullmatch(r"1\.\d+", text):
        return "1.9"
    return text + "x"


def _mutated(value: Json) -> Json:
    """A similar value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return value * 1.01 if value else 0.01
    if isinstance(value, str):
        return _other_text(value)
    return {"x": 1} if isinstance(value, dict) else ["x"] if isinstance(value, list) else 1


def _parts(bundle: Bundle) -> dict[str, Json]:
    return {"result": bundle.result, "recordings": bundle.recordings, "scores": bundle.scores, "log": bundle.log}


def _fields() -> dict[str, tuple[Place, Json]]:
    """One value for each field: the first that is not null."""
    found: dict[str, tuple[Place, Json]] = {}
    for document, part in _parts(good_bundle(2)).items():
        for place, value in _leaves(part, document):
            if place.name not in found or found[place.name][1] is None:
                found[place.name] = (place, value)
    return found


def _is_found(folder: Path, place: Place, value: Json) -> bool:
    bundle = good_bundle(2)
    target = _parts(bundle)[place.document]
    for step in place.path[:-1]:
        target = target[step]
    target[place.path[-1]] = _mutated(value)
    return verify(write_bundle(folder, bundle), VerifyOptions("reread", strict=True, tasks=tasks())).exit_code != 0


FIELDS = _fields()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One folder for all bundles, where a recording that no mutation touched is read again once only."""
    with reread_once():
        yield tmp_path_factory.mktemp("edited") / "bundle"


@pytest.mark.parametrize("name", sampled(sorted(FIELDS), 60))
def test_an_edited_field_is_found_or_listed_as_uncovered(name: str, folder: Path) -> None:
    assert _is_found(folder, *FIELDS[name]) != (name in UNCOVERED), UNCOVERED.get(name)
