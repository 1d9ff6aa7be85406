"""Addresses of clusters that are refused before anything is sent, and errors that cross processes."""

import pickle

import pytest

from harness.cluster import open_cluster
from harness.errors import ConfigError, EngineError, Problem
from harness.files import kit_digest


@pytest.mark.parametrize("address", ["scheduler:8786", "local:0", "local:", "local:65", "local:-1", ""])
def test_an_address_without_a_scheme_is_refused(address: str) -> None:
    with (
        pytest.raises(ConfigError, match="is no address of a cluster") as raised,
        open_cluster(address, "r", print, []),
    ):
        pass
    assert "local:N" in raised.value.fix


def test_an_error_keeps_its_fixes_when_it_crosses_processes() -> None:
    error = EngineError(Problem("gone", "start it"), Problem("full"))
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), copy.problems, str(copy)) == (EngineError, error.problems, str(error))


def test_the_digest_of_the_kit_is_a_sha256() -> None:
    assert len(bytes.fromhex(kit_digest())) == 32
