"""Which names are secrets, which reads a filter of secrets holds, and how much memory a long secret takes."""

import json
import tracemalloc
from codecs import BOM_UTF8
from itertools import product

import pytest

from harness.proxy.json_secrets import JsonSecretFilter
from harness.proxy.secrets import Reads, SecretFilter, is_secret_field, is_secret_name
from harness.types import Json


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


@pytest.mark.parametrize(
    ("name", "is_secret"),
    [
        ("X-AccessToken", True), ("X-Auth-Token-V2", True), ("accessToken", True), ("X-Api-Key", True),
        ("PRIVATE-TOKEN", True), ("proxy-authorization", True), ("X-Amz-Signature", True),
        ("max_tokens", False), ("x-ratelimit-remaining-tokens", False), ("X-Monkey", False), ("authored", False),
    ],
)  # fmt: skip
def test_the_name_of_a_header_or_a_query_says_whether_its_value_is_a_secret(name: str, is_secret: bool) -> None:
    assert is_secret_name(name) is is_secret


@pytest.mark.parametrize(
    ("name", "is_secret"),
    [
        ("token", True), ("access_token", True), ("authToken", True), ("apiToken", True), ("id_token", True),
        ("refreshToken", True), ("session-token", True), ("bearer_token", True), ("client_token", True),
        ("token_2", True), ("X-Auth-Token", True), ("client_secret", True), ("clientSecret", True), ("secret", True),
        ("secret_key", True), ("apiKey", True), ("privateKey", True), ("access_key", True), ("auth", True),
        ("pagination_token", False), ("nextPageToken", False), ("bos_token", False), ("max_token", False),
        ("secretary", False), ("tokenizer", False), ("idempotency-key", False), ("prompt_cache_key", False),
        ("void_token", False), ("github_token", True), ("hfToken", True), ("thought_signature", False),
    ],
)  # fmt: skip
def test_the_name_of_a_field_says_whether_a_string_in_a_body_is_a_secret(name: str, is_secret: bool) -> None:
    assert is_secret_field(name) is is_secret
    hidden, _ = _filtered([json.dumps({name: "text"}).encode()])
    assert json.loads(b"".join(hidden)) == {name: "****" if is_secret else "text"}


SECRET_JSON = (
    b'{ "api_key" : "k\\"1\\\\","n":{"Authorization":"","accessToken":"\xc3\xa9","privateKey":"p"},"key":"ctrl",'
    b'"signature":"s","token":7,"required":["token"],"text":"\\"api_key\\": \\"t\\"","password":"w"}'
)
HIDDEN_JSON = (
    b'{ "api_key" : "******","n":{"Authorization":"","accessToken":"**","privateKey":"*"},"key":"ctrl",'
    b'"signature":"s","token":7,"required":["token"],"text":"\\"api_key\\": \\"t\\"","password":"*"}'
)


def _filtered(pieces: list[bytes]) -> tuple[list[bytes], set[bytes]]:
    secrets, out = JsonSecretFilter(), Reads()
    for at, piece in enumerate(pieces):
        out.extend(secrets.feed(Reads([at], [piece])))
    out.extend(secrets.flush())
    assert out.times_ns == list(range(len(pieces)))
    return out.pieces, secrets.found


@pytest.mark.parametrize("size", [*range(1, 30), 1000])
def test_the_strings_of_secret_names_are_hidden_however_a_body_is_cut(size: int) -> None:
    pieces = [SECRET_JSON[at : at + size] for at in range(0, len(SECRET_JSON), size)]
    hidden, found = _filtered(pieces)
    assert b"".join(hidden) == HIDDEN_JSON
    assert list(map(len, hidden)) == list(map(len, pieces))
    assert found == {b'k\\"1\\\\', b"\xc3\xa9", b"p", b"w"}
    json.loads(b"".join(hidden))
    marked = BOM_UTF8 + SECRET_JSON
    hidden, _ = _filtered([marked[at : at + size] for at in range(0, len(marked), size)])
    assert b"".join(hidden) == BOM_UTF8 + HIDDEN_JSON


@pytest.mark.parametrize("body", [b"", b"  ", b'text "api_key": "k"', b" " * 5000 + b'{"a":"b"}', b'{"a"', b"[1]"])
def test_a_body_that_has_no_secret_name_stays_as_it_is(body: bytes) -> None:
    assert _filtered([body, b""])[0] == [body, b""]


def test_only_what_may_begin_a_name_is_held() -> None:
    secrets = JsonSecretFilter()
    assert secrets.feed(Reads([0, 1], [b'{"text": "long', b' text", "api_'])).pieces == [b'{"text": "long']
    assert secrets.feed(Reads([2], [b'key": "k'])).pieces == [b' text", "api_', b'key": "*']


@pytest.mark.parametrize("value", ["x" * 20_000, {"inner": "text"}, ["text"], None])
def test_a_value_that_is_long_or_no_string_ends_where_it_ends(value: Json) -> None:
    document = {"api_key": value, "text": "seen"}
    (hidden,), found = _filtered([json.dumps(document).encode()])
    assert json.loads(hidden) == {**document, "api_key": "*" * 20_000 if isinstance(value, str) else value}
    assert found == set()
