"""`probe`: ask a live server what its kind's TOML states of it, by at most ten short requests and one long one.

Finds facts about the server, never about how good or how fast a model is. `ask_front` and `judge_front` are the part
that every run asks before its first trial.
"""

from harness.servers.probe.long_prompt import (
    WORTH_CHARS,
    CodeWordReply,
    LongPromptCheck,
    ask_code_word,
    check_long_prompt,
)
from harness.servers.probe.run import probe
from harness.servers.probe.stream import observe

__all__ = [
    "WORTH_CHARS",
    "CodeWordReply",
    "LongPromptCheck",
    "ask_code_word",
    "check_long_prompt",
    "observe",
    "probe",
]
