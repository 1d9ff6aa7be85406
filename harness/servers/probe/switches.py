"""What pairs of replies show: thinking switches, the cache, seeds, fields that nobody reads. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from harness.servers.kinds import ServerKind
from harness.servers.probe.stream import ProbeReply, finding, is_whole
from harness.types import Json, ProbeFinding

CACHED_SHARE = 0.5
FRESH_SHARE = 0.1
FRESH_TOKENS = 32
QUICKER = 0.5

Replies = Mapping[str, ProbeReply]


def _said(replies: Replies, name: str) -> str | None:
    one = replies.get(name)
    return one.reading.reasoning + "\0" + one.reading.content if one is not None and is_whole(one) else None


def _thought(replies: Replies, name: str) -> bool | None:
    one = replies.get(name)
    return bool(one.reading.reasoning.strip()) if one is not None and is_whole(one) else None


def _same(replies: Replies, one: str, other: str) -> bool | None:
    left, right = _said(replies, one), _said(replies, other)
    return None if left is None or right is None else left == right


def thinking(replies: Replies, kind: ServerKind) -> tuple[ProbeFinding, ...]:
    """The default, and both switches as the reply shows them."""
    default, on, off = (_thought(replies, name) for name in ("first", "thinking-on", "thinking-off"))
    stated = {"on": True, "off": False}.get(kind.thinking.default)
    out = [finding("thinks_by_default", stated, default)]
    if kind.thinking.on is None:
        return (*out, ProbeFinding("thinking_switch", None, None, None, "no switch is known for this kind"))
    never = on is False and off is False
    note = "no thought either way: this model may not think" if never else None
    refused = {name: replies[name].reading.error for name in ("thinking-on", "thinking-off") if name in replies}
    for name, live in (("on", on), ("off", None if off is None else not off)):
        error = refused.get(f"thinking-{name}")
        why = note if error is None else f"refused: {error.message[:120]}"
        if error is not None:
            live = False
        out.append(finding(f"thinking_{name}_works", True, None if never else live, why))
    return tuple(out)


def _cached(replies: Replies, name: str) -> tuple[int, int] | None:
    one = replies.get(name)
    usage = one.reading.usage if one is not None and is_whole(one) else None
    if usage is None or usage.cached_tokens is None or usage.prompt_tokens is None:
        return None
    return usage.cached_tokens, usage.prompt_tokens


def _ttft(replies: Replies, name: str) -> float | None:
    one = replies.get(name)
    return one.reading.timings.ttft_s if one is not None else None


def cache(replies: Replies, kind: ServerKind) -> tuple[ProbeFinding, ...]:
    """Whether the prefix cache holds a repeated prompt, and whether a nonce in front defeats it."""
    again, fresh = _cached(replies, "again"), _cached(replies, "fresh")
    if again is None or fresh is None:
        first_s, again_s, fresh_s = (_ttft(replies, name) for name in ("first", "again", "fresh"))
        if not first_s or not again_s or not fresh_s:
            return (ProbeFinding("cache_holds"), ProbeFinding("nonce_defeats_cache"))
        note = f"by TTFT alone: {first_s:.3f} s, again {again_s:.3f} s, new beginning {fresh_s:.3f} s"
        holds = again_s < QUICKER * first_s or None
        defeated = fresh_s > again_s / QUICKER if holds else None
        return (finding("cache_holds", None, holds, note), finding("nonce_defeats_cache", None, defeated, note))
    held = again[0] > CACHED_SHARE * again[1]
    cold = fresh[0] <= max(FRESH_TOKENS, FRESH_SHARE * fresh[1])
    return (
        finding("cache_holds", None, held, f"{again[0]} of {again[1]} prompt tokens when asked again"),
        finding("nonce_defeats_cache", None, cold, f"{fresh[0]} of {fresh[1]} with a new beginning"),
    )


def _stated_read(kind: ServerKind, field: str) -> bool | None:
    return False if field in kind.ignored_fields else None


def _reads_seed(replies: Replies) -> bool | None:
    same, other = _same(replies, "seed", "seed-again"), _same(replies, "seed", "other-seed")
    if same is False:
        return False
    return True if same and other is False else None


def sampling(replies: Replies, kind: ServerKind) -> tuple[ProbeFinding, ...]:
    """Whether temperature 0 and a seed repeat, and which sampling fields are read."""
    hot = [_same(replies, "first", name) for name in ("seed", "other-seed")]
    heated = True if False in hot else None
    cooled = _same(replies, "first", "top-k") if heated else None
    why = None if heated else "hot answers were the cold one: too sure of itself to tell"
    return (
        finding("temperature_0_repeats", None, _same(replies, "first", "again")),
        finding("seed_repeats", None, _same(replies, "seed", "seed-again") if heated else None, why),
        finding("reads_seed", _stated_read(kind, "seed"), _reads_seed(replies), why),
        finding("reads_temperature", _stated_read(kind, "temperature"), heated, why),
        finding("reads_top_k", _stated_read(kind, "top_k"), cooled, why),
        _other_limit(replies, kind),
    )


def _other_limit(replies: Replies, kind: ServerKind) -> ProbeFinding:
    name = "max_completion_tokens" if kind.max_tokens_field == "max_tokens" else "max_tokens"
    one = replies.get("other-limit")
    live: Json = None
    if one is not None and is_whole(one) and one.reading.usage is not None:
        tokens = one.reading.usage.completion_tokens
        live = None if tokens is None else tokens <= 4
    return finding(f"reads_{name}", _stated_read(kind, name), live)
