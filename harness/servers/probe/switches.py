"""What pairs of replies show: whether thinking switches, the prefix cache, seeds and sampling fields have an effect.

Each function compares replies of the probe by their names in `build_short_requests`.
"""

from __future__ import annotations

from collections.abc import Mapping

from harness.servers.kinds import ServerKind
from harness.servers.probe.requests import other_max_tokens_field
from harness.servers.probe.stream import ProbeReply, compare
from harness.types import Json, ProbeFinding

MIN_CACHED_SHARE = 0.5
MAX_UNCACHED_HIT_SHARE = 0.1
MAX_UNCACHED_HIT_TOKENS = 32
"""Servers cache the few tokens of the chat template that precede every nonce."""
CACHED_TTFT_RATIO = 0.5
MAX_LIMITED_TOKENS = 4

Replies = Mapping[str, ProbeReply]


def thinking_findings(replies: Replies, kind: ServerKind) -> tuple[ProbeFinding, ...]:
    """Whether the model thinks by default, and whether both switches work."""
    default, on, off = (_thinks(replies, name) for name in ("first", "thinking-on", "thinking-off"))
    stated = {"on": True, "off": False}.get(kind.thinking.default)
    first = compare("thinks_by_default", stated, default)
    if kind.thinking.on is None:
        return (first, ProbeFinding("thinking_switch", None, None, None, "no switch is known for this kind"))
    never_thinks = on is False and off is False
    working = (("on", on), ("off", None if off is None else not off))
    return (first, *(_switch_finding(replies, name, works, never_thinks) for name, works in working))


def _switch_finding(replies: Replies, switch: str, works: bool | None, never_thinks: bool) -> ProbeFinding:
    name, reply = f"thinking_{switch}_works", replies.get(f"thinking-{switch}")
    error = reply.reading.error if reply is not None else None
    if never_thinks:
        works = None
    elif error is not None:
        works = False
    if error is not None:
        return compare(name, True, works, f"rejected: {error.message[:120]}")
    note = "no reasoning either way: this model may not think" if never_thinks else None
    return compare(name, True, works, note)


def cache_findings(replies: Replies) -> tuple[ProbeFinding, ...]:
    """Whether the prefix cache hits on a repeated prompt, and whether a nonce at the beginning defeats it."""
    repeated, new_prefix = _cached_tokens(replies, "repeated"), _cached_tokens(replies, "new-prefix")
    if repeated is None or new_prefix is None:
        return _cache_findings_by_ttft(replies)
    hits = repeated[0] > MIN_CACHED_SHARE * repeated[1]
    is_cold = new_prefix[0] <= max(MAX_UNCACHED_HIT_TOKENS, MAX_UNCACHED_HIT_SHARE * new_prefix[1])
    return (
        compare("cache_hits_on_repeat", None, hits, f"{repeated[0]} of {repeated[1]} prompt tokens when repeated"),
        compare("nonce_defeats_cache", None, is_cold, f"{new_prefix[0]} of {new_prefix[1]} with a new prefix"),
    )


def _cache_findings_by_ttft(replies: Replies) -> tuple[ProbeFinding, ...]:
    """The same for a server that reports no cached tokens: a cache shows in the time to the first token."""
    first_s, repeated_s, new_prefix_s = (_ttft_s(replies, name) for name in ("first", "repeated", "new-prefix"))
    if not first_s or not repeated_s or not new_prefix_s:
        return (ProbeFinding("cache_hits_on_repeat"), ProbeFinding("nonce_defeats_cache"))
    note = f"by TTFT only: first {first_s:.3f} s, repeated {repeated_s:.3f} s, new prefix {new_prefix_s:.3f} s"
    hits = repeated_s < CACHED_TTFT_RATIO * first_s or None
    is_cold = new_prefix_s > repeated_s / CACHED_TTFT_RATIO if hits else None
    return (
        compare("cache_hits_on_repeat", None, hits, note),
        compare("nonce_defeats_cache", None, is_cold, note),
    )


def sampling_findings(replies: Replies, kind: ServerKind) -> tuple[ProbeFinding, ...]:
    """Whether temperature 0 and a seed repeat an answer, and which sampling fields the server reads."""
    varies = False in [_same_text(replies, "first", name) for name in ("seed", "other-seed")] or None
    top_k_works = _same_text(replies, "first", "top-k") if varies else None
    note = (
        None if varies else "the answers at a high temperature equal the greedy one: the model is too certain to tell"
    )
    return (
        compare("temperature_0_repeats", None, _same_text(replies, "first", "repeated")),
        compare("seed_repeats", None, _same_text(replies, "seed", "seed-repeated") if varies else None, note),
        compare("reads_seed", _stated_as_read(kind, "seed"), _reads_seed(replies), note),
        compare("reads_temperature", _stated_as_read(kind, "temperature"), varies, note),
        compare("reads_top_k", _stated_as_read(kind, "top_k"), top_k_works, note),
        _other_limit_finding(replies, kind),
    )


def _reads_seed(replies: Replies) -> bool | None:
    same_seed, other_seed = _same_text(replies, "seed", "seed-repeated"), _same_text(replies, "seed", "other-seed")
    if same_seed is False:
        return False
    return True if same_seed and other_seed is False else None


def _other_limit_finding(replies: Replies, kind: ServerKind) -> ProbeFinding:
    field, reply = other_max_tokens_field(kind), replies.get("other-limit")
    observed: Json = None
    if reply is not None and reply.is_complete and reply.reading.usage is not None:
        tokens = reply.reading.usage.completion_tokens
        observed = None if tokens is None else tokens <= MAX_LIMITED_TOKENS
    return compare(f"reads_{field}", _stated_as_read(kind, field), observed)


def _stated_as_read(kind: ServerKind, field: str) -> bool | None:
    return False if field in kind.ignored_fields else None


def _complete(replies: Replies, name: str) -> ProbeReply | None:
    reply = replies.get(name)
    return reply if reply is not None and reply.is_complete else None


def _same_text(replies: Replies, name: str, other_name: str) -> bool | None:
    reply, other = _complete(replies, name), _complete(replies, other_name)
    if reply is None or other is None:
        return None
    return (reply.reading.reasoning, reply.reading.content) == (other.reading.reasoning, other.reading.content)


def _thinks(replies: Replies, name: str) -> bool | None:
    reply = _complete(replies, name)
    return bool(reply.reading.reasoning.strip()) if reply is not None else None


def _cached_tokens(replies: Replies, name: str) -> tuple[int, int] | None:
    """Cached and all prompt tokens; None if the server does not report them."""
    reply = _complete(replies, name)
    usage = reply.reading.usage if reply is not None else None
    if usage is None or usage.cached_tokens is None or usage.prompt_tokens is None:
        return None
    return usage.cached_tokens, usage.prompt_tokens


def _ttft_s(replies: Replies, name: str) -> float | None:
    reply = replies.get(name)
    return reply.reading.timings.ttft_s if reply is not None else None
