"""Results of any size for the page: models of known skill and speed, answers with reasoning and streams, hostile text.

`page_data` gives a result and its evidence, computed by `summarize` and `page_evidence` as those of a run are.
"""

import random
from dataclasses import replace
from functools import cache

from harness.files import sha256_of
from harness.run import page_evidence
from harness.summarize import summarize
from harness.types import (
    Check,
    Counts,
    Lane,
    MemoryUse,
    ModelInfo,
    Outcome,
    PageEvidence,
    Result,
    Sampling,
    StreamChannel,
    StreamPart,
    TaskInfo,
    Timings,
    ToolCall,
    TrialEvidence,
    TrialKey,
    TrialResult,
    TurnEvidence,
    TurnResult,
    Usage,
)
from tests.example import HOST, example_result

GIB = 2**30
NAMES = (
    ("qwen-coder-32b", 0.94, 17, 19.8, "Q4_K_M", 320),
    ("qwen-coder-7b", 0.78, 68, 5.1, "Q4_K_M", 1400),
    ("devstral-24b", 0.86, 26, 14.6, "Q5_K_M", 480),
    ("gpt-oss-20b", 0.83, 74, 12.9, "MXFP4", 1100),
    ("gemma-3-27b", 0.7, 21, 17.4, "Q4_K_M", 390),
    ("llama-3.1-8b", 0.48, 62, 5.6, "Q5_K_M", 1250),
    ("qwen-coder-3b", 0.52, 121, 2.4, "Q8_0", 2700),
    ("phi-4-14b", 0.66, 37, 9.3, "Q4_K_M", 700),
    ("mistral-small-24b", 0.72, 27, 14.1, "Q4_K_M", 500),
    ("glm-4-9b", 0.61, 54, 6.3, "Q4_K_M", 1000),
    ("deepseek-lite-16b", 0.69, 83, 10.4, "Q4_K_M", 1300),
    ("granite-8b-code", 0.44, 60, 5.2, "Q4_K_M", 1200),
)
"""Label, skill, decode rate, memory in GiB, quantization, prefill rate."""
TITLES = (
    "Find the off-by-one",
    "Merge intervals",
    "Parse a duration",
    "Pure functions, thin main",
    "Retry with backoff",
)
HOSTILE = (
    '</script><script>window.hacked = 1</script><img src=x onerror="window.hacked = 2">&lt;b&gt;&amp;&#x202e; '
    "\u202eright to left\u202c \x1b[31mred\x1b[0m \x07 ]]> <!-- --> {{ 7 * 7 }} ${window.hacked = 3} javascript:1"
)
WORDS = ("def", "return", "values", "index", "for", "range", "if", "sorted", "count", "total", "window", "merge", "key")


@cache
def page_data(models: int, tasks: int, trials: int, *, hostile: str = "") -> tuple[Result, PageEvidence]:
    """A result with its evidence; `hostile` stands in every answer, check and title, and in the first model's label."""
    draw = random.Random(models * 1000 + tasks)
    infos, kinds = _models(models, hostile), _tasks(tasks, hostile)
    made, evidence = list[TrialResult](), dict[TrialKey, TrialEvidence]()
    for trial in range(trials):
        for task in kinds:
            for at, info in enumerate(infos):
                one, found = _trial(draw, at, info, task, (trial, hostile))
                made.append(one)
                evidence[TrialKey(info.label, task.name, trial)] = found
    example = example_result()
    coding = {task.name: 1.0 for task in kinds if task.scored}
    chat = {task.name: 1.0 for task in kinds if task.name.startswith("chat")}
    lanes = (
        Lane("daily coding", coding, min_pass_rate=0.6, rank_by=("pass_rate", "decode_tps")),
        Lane("agent work", chat or coding, min_context_tokens=16384, rank_by=("pass_rate", "warm_ttft_s")),
        Lane("small machine", coding, max_memory_bytes=8 * GIB, rank_by=("pass_rate", "memory_bytes")),
    )
    run = replace(example.run, trials=trials, warmups=0)
    host = replace(HOST, chip="Apple M4 Max")
    evidence_of_run = replace(example, run=run, host=host, models=infos, tasks=kinds, trials=tuple(made), lanes=lanes)
    result = summarize(evidence_of_run)
    return result, replace(page_evidence(result), trials=evidence)


def _models(count: int, hostile: str) -> tuple[ModelInfo, ...]:
    first = example_result().models[0]
    return tuple(
        replace(
            first,
            label=f"{name}{hostile if not at else ''}",
            model=f"{name}-instruct",
            thinking="on" if "oss" in name else "off",
            sampling=Sampling(temperature=0.0, top_p=1.0),
            served_context_tokens=8192 * (1 + at % 4),
            memory=MemoryUse("server process", GIB, int(memory * GIB), GIB),
            load_s=memory / 2,
            facts={"quantization": quantization, "parameters_b": 7.0},
        )
        for at, (name, _, _, memory, quantization, _) in enumerate(NAMES[:count])
    )


def _tasks(count: int, hostile: str) -> tuple[TaskInfo, ...]:
    speed = [TaskInfo("speed-small", "A short question", "speed", None, sha256_of("s"), 2, scored=False, canary=True)]
    chats = [
        TaskInfo("chat-edit", "Six turns about one file", "conversation", "python", sha256_of("c"), 2),
        TaskInfo(
            "chat-edit-control",
            "The same turns on their own",
            "speed",
            None,
            sha256_of("d"),
            2,
            separate=True,
            scored=False,
        ),
    ]
    rest = [
        TaskInfo(f"code-{at:02d}", f"{TITLES[at % len(TITLES)]}{hostile}", "calls", "python", sha256_of(str(at)), 2)
        for at in range(max(1, count - 3))
    ]
    return tuple((*speed, *rest, *chats)[: max(1, count)] if count < 4 else (*speed, *rest, *chats))


def _trial(
    draw: random.Random, at: int, info: ModelInfo, task: TaskInfo, place: tuple[int, str]
) -> tuple[TrialResult, TrialEvidence]:
    trial, hostile = place
    _, skill, *_ = NAMES[at]
    easy = 0.75 + 0.5 * (sum(map(ord, task.name)) % 7) / 6
    passed = not task.scored or draw.random() < min(0.98, skill * easy)
    outcome = (
        Outcome.PASSED
        if passed
        else draw.choice((Outcome.FAILED, Outcome.FAILED, Outcome.NO_ANSWER, Outcome.TRUNCATED_OUT))
    )
    checks = tuple(
        Check(
            f"case-{number}",
            passed or number > 1,
            [number, number + 2],
            None if passed else f"[{number}]{hostile}",
            None,
        )
        for number in range(1, 6)
    )
    turns = [
        _turn(draw, at, (turn, trial, task.separate), hostile)
        for turn in range(6 if task.name.startswith("chat") else 1)
    ]
    minute = (at * 20 + trial * 3) % 60
    result = TrialResult(
        model=info.label,
        task=task.name,
        trial=trial,
        warmup=False,
        variant=trial % 2,
        started_at=f"2026-11-23T{10 + (at * 20 + trial * 3) // 60:02d}:{minute:02d}:00.000+00:00",
        started_ns=None,
        ended_ns=None,
        outcome=outcome,
        fraction=1.0 if passed else 0.8,
        extraction_rule="last fenced block",
        checks=checks if task.scored else (),
        turns=tuple(turn for turn, _ in turns),
    )
    inputs = {f"case-{number}": {"call": "window", "args": [[3, 1, 2], number, hostile]} for number in range(1, 6)}
    return result, TrialEvidence(_code(draw, hostile), inputs, tuple(found for _, found in turns))


def _code(draw: random.Random, hostile: str) -> str:
    lines = [f"    {' '.join(draw.choices(WORDS, k=draw.randint(3, 8)))}" for _ in range(draw.randint(12, 30))]
    return "\n".join([f"def window(values, size):  # {hostile}", *lines])


def _turn(draw: random.Random, at: int, place: tuple[int, int, bool], hostile: str) -> tuple[TurnResult, TurnEvidence]:
    turn, trial, separate = place
    _, _, rate, _, _, prefill = NAMES[at]
    prompt = 400 + 1800 * turn + draw.randint(0, 40)
    cached = 0 if separate or turn == 0 else prompt - 420
    decode = rate * draw.gauss(1.0, 0.015) * (1 - 0.004 * trial) / (1 + prompt / 60_000)
    tokens = draw.randint(180, 420)
    ttft = 0.04 + (prompt - cached) / prefill * draw.gauss(1.0, 0.03)
    e2e = ttft + tokens / decode
    reasoning = " ".join(draw.choices(WORDS, k=220)) + hostile if at % 4 == 3 else ""
    content = f"Here it is.\n\n```python\n{_code(draw, hostile)}\n```\n{hostile}\n"
    calls = (ToolCall("call_1", "edit_file", '{"path": "src/window.py", "old": "a", "new": "b"}'),) if turn == 2 else ()
    result = TurnResult(
        content=content,
        content_sha256=sha256_of(content),
        reasoning_sha256=sha256_of(reasoning),
        reasoning_chars=len(reasoning),
        tool_calls=calls,
        finish_reason="stop",
        done=True,
        error=None,
        usage=Usage(prompt, tokens, cached, 0),
        counts=Counts(events=tokens, token_events=tokens, arrivals=tokens, token_events_in_first_read=1),
        timings=Timings(
            ttft / 2, ttft / 2, ttft, ttft, e2e, decode, None, tokens / e2e, (prompt - cached) / ttft, "usage"
        ),
        prompt_chars=4 * prompt,
    )
    channel: StreamChannel = "reasoning" if reasoning else "content"
    times = [ttft + step * (e2e - ttft) / tokens + draw.random() / 500 for step in range(0, tokens, 2)]
    stream = (
        StreamPart(int(ttft * 5e8), "role", 0),
        *(
            StreamPart(int(time * 1e9), channel if number < len(times) / 2 else "content", draw.randint(3, 9))
            for number, time in enumerate(times)
        ),
    )
    return result, TurnEvidence(reasoning, stream)
