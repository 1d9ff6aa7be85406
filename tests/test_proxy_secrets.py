"""Which reads a filter of secrets holds, and how much memory a long secret takes."""

import tracemalloc
from itertools import product

import pytest

from harness.proxy.secrets import Reads, SecretFilter


@pytest.mark.parametrize("secrets", [(b"aab",), (b"aaaa", b"ba"), (b"abab", b"bb", b"a"), (b"b", b"a"), ()])
def test_a_read_is_held_while_it_ends_like_the_beginning_of_a_secret(secrets: tuple[bytes, ...]) -> None:
    beginnings = tuple(secret[:end] for secret in secrets for end in range(1, len(secret)))
    texts = [bytes(letters) for size in range(1, 7) for letters in product(b"abc", repeat=size)]
    for text in texts:
        hidden = SecretFilter(secrets).feed(Reads([0], [text]))
        assert (hidden.pieces == []) == text.endswith(beginnings), text


def test_a_long_secret_takes_memory_by_its_length_only() -> None:
    secret = bytes(range(33, 127)) * 200
    text = b"the key is " + secret[:-1]
    tracemalloc.start()
    secrets = SecretFilter([secret])
    held = secrets.feed(Reads([0], [text]))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held.pieces == []
    assert peak_bytes < 10 * len(secret)
    assert secrets.feed(Reads([1], [secret[-1:] + b"."])).pieces == [b"the key is " + b"*" * (len(secret) - 1), b"*."]
