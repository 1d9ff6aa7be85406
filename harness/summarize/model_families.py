"""Families of models by the names that models go by: which names give an author away, and who is related to whom.

`MODEL_FAMILIES` maps each name to its family, `family_of` finds the family in a model's id.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_NAMES = {
    "qwen": ("qwen", "qwq", "tongyi", "alibaba"),
    "llama": ("llama", "codellama"),
    "mistral": ("mistral", "mixtral", "codestral", "devstral", "ministral", "magistral"),
    "deepseek": ("deepseek",),
    "gemma": ("gemma", "codegemma", "gemini", "deepmind"),
    "gpt": ("gpt", "chatgpt", "openai"),
    "claude": ("claude", "anthropic"),
    "glm": ("glm", "chatglm", "zhipu"),
    "kimi": ("kimi", "moonshot"),
    "nemotron": ("nemotron",),
    "cohere": ("cohere",),
    "olmo": ("olmo", "allenai"),
    "internlm": ("internlm",),
    "hunyuan": ("hunyuan",),
    "minimax": ("minimax",),
    "ernie": ("ernie",),
    "starcoder": ("starcoder",),
    "exaone": ("exaone",),
    "smollm": ("smollm",),
    "grok": ("grok", "xai"),
}
MODEL_FAMILIES: Mapping[str, str] = {name: family for family, names in _NAMES.items() for name in names}
"""Name -> family. Only names that are no common words: `phi` or `granite` may be what an answer is about."""


def family_of(model: str) -> str | None:
    """The family that a model's id names, as `qwen` for `Qwen/Qwen2.5-Coder-7B`; None if it names none."""
    words = re.findall(r"[a-z]+", model.lower())
    return next((MODEL_FAMILIES[word] for word in words if word in MODEL_FAMILIES), None)
