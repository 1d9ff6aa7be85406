"""`probe` compares a live server with its kind's TOML file, by at most ten short requests and one long one.

It finds facts about the server; its rates are a guess for forecasts, and how good a model is, it does not measure.
`ask_code_word` and `check_long_prompt` are the part that every run does before its first trial, `observe` reads the
same facts from the recordings of a run.
"""

from harness.servers.probe.api_gaps import probe_api
from harness.servers.probe.long_prompt import (
    MIN_LONG_CHARS,
    CodeWordReply,
    LongPromptCheck,
    ask_code_word,
    check_long_prompt,
)
from harness.servers.probe.run import ask_reasoning_question, probe
from harness.servers.probe.stream import observe

__all__ = [
    "MIN_LONG_CHARS",
    "CodeWordReply",
    "LongPromptCheck",
    "ask_code_word",
    "ask_reasoning_question",
    "check_long_prompt",
    "observe",
    "probe",
    "probe_api",
]
