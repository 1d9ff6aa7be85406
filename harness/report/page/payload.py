"""What the page's script reads: compressed JSON of lanes, charts and, task by task, every trial with its evidence.

A block is `base64(zlib(JSON))`, so that no text can end its element. Strings that others wrote are spelled out first
(`plain_text`): the script only ever sets text.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from harness.report.escaping import plain_lines, plain_text
from harness.report.page.chart_rows import thinned
from harness.types import (
    HIDDEN_INPUTS,
    Check,
    Json,
    PageEvidence,
    Result,
    StreamPart,
    TrialEvidence,
    TrialKey,
    TrialResult,
    TurnEvidence,
    TurnResult,
)

TEXT_LIMITS = (200_000, 50_000, 12_000, 3_000, 600)
"""Characters of one text on the page: the first limit with which all trials fit into MAX_TRIAL_BYTES."""
MAX_TRIAL_BYTES = 12_000_000
MAX_STREAM_PARTS = 400
MAX_ERROR_CHARS = 300
NO_EVIDENCE = TrialEvidence(None, {}, ())


def pack(document: Json) -> str:
    """A document as a block."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(zlib.compress(text.encode("utf-8", "replace"), 9)).decode("ascii")


def plain(document: Json) -> Json:
    """A document with every string spelled out."""
    if isinstance(document, str):
        return plain_text(document)
    if isinstance(document, Mapping):
        return {plain_text(name): plain(value) for name, value in document.items()}
    return [plain(value) for value in document] if isinstance(document, list | tuple) else document


def lanes_document(result: Result, evidence: PageEvidence) -> list[Json]:
    """What decides each lane, with the lane's own limits."""
    lanes = {lane.name: lane for lane in result.lanes}
    return [
        {
            **asdict(each),
            "rank_by": lanes[each.lane].rank_by,
            "min_pass_rate": lanes[each.lane].min_pass_rate,
            "min_context_tokens": lanes[each.lane].min_context_tokens,
            "max_memory_bytes": lanes[each.lane].max_memory_bytes,
        }
        for each in evidence.lanes
        if each.lane in lanes
    ]


def trial_blocks(result: Result, evidence: PageEvidence) -> Mapping[str, str]:
    """Task -> the block of its trials, with the longest texts that keep the page small."""
    blocks: dict[str, str] = {}
    for limit in TEXT_LIMITS:
        blocks = {task.name: pack(_task(result, evidence, task.name, limit)) for task in result.tasks}
        if sum(map(len, blocks.values())) <= MAX_TRIAL_BYTES:
            break
    return blocks


def _task(result: Result, evidence: PageEvidence, task: str, limit: int) -> Json:
    """Model -> its trials of a task by number; [number, warm-up excluded]."""
    trials: dict[str, list[Json]] = {}
    for trial in sorted(result.trials, key=lambda each: each.trial):
        if trial.task == task and not trial.warmup:
            found = evidence.trials.get(TrialKey(trial.model, task, trial.trial), NO_EVIDENCE)
            trials.setdefault(plain_text(trial.model), []).append(_trial(trial, found, limit))
    return trials


def _trial(trial: TrialResult, evidence: TrialEvidence, limit: int) -> Json:
    turns = [
        _turn(turn, evidence.turns[at] if at < len(evidence.turns) else None, limit)
        for at, turn in enumerate(trial.turns)
    ]
    hidden = trial.metrics.get(HIDDEN_INPUTS)
    inputs = {**(hidden if isinstance(hidden, Mapping) else {}), **evidence.inputs}
    return {
        "trial": trial.trial + 1,
        "variant": trial.variant,
        "outcome": str(trial.outcome),
        "fraction": trial.fraction,
        "rule": trial.extraction_rule,
        "code": _text(evidence.code, limit),
        "checks": [_check(check, inputs, limit) for check in trial.checks],
        "turns": turns,
    }


def _check(check: Check, inputs: Mapping[str, Json], limit: int) -> Json:
    document: dict[str, Json] = {"name": plain_text(check.name), "passed": check.passed}
    if not check.passed:
        document |= {
            "input": _value(inputs.get(check.name), limit),
            "expected": _value(check.expected, limit),
            "observed": _value(check.observed, limit),
            "note": _text(check.note, limit),
        }
    return document


def _turn(turn: TurnResult, evidence: TurnEvidence | None, limit: int) -> Json:
    timings = turn.timings
    return {
        "content": f"(withheld, SHA-256 {turn.content_sha256})" if turn.is_withheld else _text(turn.content, limit),
        "reasoning": _text(evidence.reasoning, limit) if evidence else None,
        "reasoningChars": turn.reasoning_chars,
        "calls": [[plain_text(call.name), _text(call.arguments, limit)] for call in turn.tool_calls],
        "finish": None if turn.finish_reason is None else plain_text(turn.finish_reason),
        "tokens": turn.usage.completion_tokens if turn.usage else None,
        "prompt": turn.usage.prompt_tokens if turn.usage else None,
        "cached": turn.usage.cached_tokens if turn.usage else None,
        "role": timings.role_s,
        "ttft": timings.ttft_s,
        "ttfc": timings.ttfc_s,
        "e2e": timings.e2e_s,
        "decode": timings.decode_tps,
        "error": plain_text(turn.error.message[:MAX_ERROR_CHARS]) if turn.error else None,
        "events": len(evidence.stream) if evidence else 0,
        "stream": _stream(evidence.stream if evidence else ()),
    }


def _text(text: str | None, limit: int) -> str | None:
    if text is None:
        return None
    shown = plain_lines(text[:limit].expandtabs().replace("\r\n", "\n"))
    return shown if len(text) <= limit else f"{shown}\n[{len(text) - limit:,} further characters: result.json has them]"


def _value(value: Json, limit: int) -> str | None:
    return None if value is None else _text(json.dumps(value, ensure_ascii=False), limit)


def _stream(stream: Sequence[StreamPart]) -> Json:
    """[milliseconds, channel's letter, characters] of each event, neighbors joined where there are many."""
    parts = thinned(stream, MAX_STREAM_PARTS)
    return [[round(part.at_ns / 1e6, 1), part.channel[0], part.chars] for part in parts]
