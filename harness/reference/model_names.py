"""Model names of the reference server: `find_script` turns `role-early?ttft_ms=200&tps=500` into the script it names.

The part before `?` is a behavior or a fault, the query is its pace:

- `ttft_ms`, `tps`, `tokens`: time to the first token, tokens per second, number of tokens; `seed` for random behaviors.
- `prefill_tps`: the prompt is counted, and its uncached part takes this long on top of `ttft_ms`.
- `cap`: the prompt is counted and silently truncated to so many tokens.
- `cache`: the prompt is counted, and the prefix shared with an earlier prompt is cached.
- `slow_from`: from its n-th request on, the model has four fifths of its `tps`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from harness.apis import DEFAULT_API
from harness.reference.behaviors import BEHAVIORS
from harness.reference.encoders import translate
from harness.reference.faults import FAULTS
from harness.reference.scripts import PROMPT_TOKENS, Pace, Script

SCRIPTS = {**BEHAVIORS, **FAULTS}
CHARS_PER_TOKEN = 4
SLOWDOWN = 0.8
PROMPT_OPTIONS = ("prefill_tps", "cap", "cache")
"""With one of these options the prompt's tokens are counted, without them it has `PROMPT_TOKENS`."""
_NEVER = 10**9


@dataclass(frozen=True, slots=True)
class PromptInfo:
    """A prompt's length, how many leading characters it shares with an earlier one, and its ordinal for its model."""

    chars: int = 0
    shared_chars: int = 0
    ordinal: int = 1


def parse_pace(options: Mapping[str, str], prompt: PromptInfo) -> Pace:
    """Compute the pace of a reply to a prompt. Raises ValueError for an option that is not a number."""
    is_counted = any(name in options for name in PROMPT_OPTIONS)
    tokens = min(prompt.chars // CHARS_PER_TOKEN, int(options.get("cap", _NEVER))) if is_counted else PROMPT_TOKENS
    cached = min(prompt.shared_chars // CHARS_PER_TOKEN, tokens - 1) if "cache" in options else 0
    prefill_s = (tokens - cached) / float(options["prefill_tps"]) if "prefill_tps" in options else 0.0
    is_slow = prompt.ordinal >= int(options.get("slow_from", _NEVER))
    return Pace(
        ttft_s=float(options.get("ttft_ms", 100)) / 1e3 + prefill_s,
        tps=float(options.get("tps", 200)) * (SLOWDOWN if is_slow else 1.0),
        tokens=int(options.get("tokens", 40)),
        seed=int(options.get("seed", 0)),
        prompt_tokens=tokens,
        cached_tokens=max(0, cached),
    )


def find_script(model: str, prompt: PromptInfo | None = None, api: str = DEFAULT_API) -> Script:
    """Find the script of a model name over an API.

    Raises KeyError for an unknown behavior, ValueError for an invalid option.
    """
    name, _, query = model.partition("?")
    return translate(SCRIPTS[name](parse_pace(dict(parse_qsl(query)), prompt or PromptInfo())), api)
