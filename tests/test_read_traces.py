"""What real servers sent is read as a table written by hand says; tests/data/traces/README.md explains both."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.read import read
from harness.types import Reading, ToolCall, Usage
from tests.deep import sampled
from tests.wire import Reads, load_reads, make_recording, unframe

TRACES = Path(__file__).parent / "data" / "traces"
ANSWERS: dict[str, str] = json.loads((TRACES / "answers.json").read_text(encoding="utf-8"))
TABLE = [
    [cell.strip() for cell in line.split(" | ")]
    for line in (TRACES / "expected.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]
ROWS = {row[0]: row for row in TABLE}


@dataclass(frozen=True, slots=True)
class Expected:
    """One row of the table; times in seconds."""

    content: str
    reasoning: str
    tool_calls: list[tuple[str, str]]
    finish_reason: str | None
    done: bool
    usage: tuple[int | None, ...] | None
    error: str | None
    ttft_s: float | None
    ttfc_s: float | None
    e2e_s: float | None


def _text(cell: str) -> str:
    return "" if cell == "-" else cell.replace("\\n", "\n").format(**ANSWERS)


def _seconds(cell: str) -> float | None:
    return None if cell == "-" else float(cell) / 1000


def _calls(cell: str) -> list[tuple[str, str]]:
    return [] if cell == "-" else [(call.split(" ", 1)[0], call.split(" ", 1)[1]) for call in cell.split(" ; ")]


def _usage(cell: str) -> tuple[int | None, ...] | None:
    return None if cell == "-" else tuple(None if part == "-" else int(part) for part in cell.split("/"))


def expected_of(row: list[str]) -> Expected:
    """A row of the table as the values that a reading must have."""
    _, content, reasoning, calls, finish, done, usage, error, ttft, ttfc, e2e = row
    return Expected(
        content=_text(content),
        reasoning=_text(reasoning),
        tool_calls=_calls(calls),
        finish_reason=None if finish == "-" else finish,
        done=done == "yes",
        usage=_usage(usage),
        error=None if error == "-" else error,
        ttft_s=_seconds(ttft),
        ttfc_s=_seconds(ttfc),
        e2e_s=_seconds(e2e),
    )


def _close(seconds: float | None) -> object:
    return None if seconds is None else pytest.approx(seconds, abs=6e-6)


def said_of(reading: Reading) -> Expected:
    """A reading in the columns of the table; an error without a kind is named by its status."""
    usage, error, timings = reading.usage, reading.error, reading.timings
    return Expected(
        content=reading.content,
        reasoning=reading.reasoning,
        tool_calls=[(call.name, call.arguments) for call in reading.tool_calls],
        finish_reason=reading.finish_reason,
        done=reading.done,
        usage=None if usage is None else (usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens),
        error=None if error is None else error.kind or str(error.status),
        ttft_s=timings.ttft_s,
        ttfc_s=timings.ttfc_s,
        e2e_s=timings.e2e_s,
    )


def reads_of(trace: str) -> Reads:
    """The raw reads of one trace."""
    return load_reads(TRACES / f"{trace}.jsonl.gz")


def reading_of(trace: str) -> Reading:
    """What the reader makes of one trace."""
    return read(unframe(reads_of(trace)))


def test_every_trace_has_a_row_and_every_row_a_trace() -> None:
    assert sorted(ROWS) == sorted(path.name.removesuffix(".jsonl.gz") for path in TRACES.glob("*.gz"))


@pytest.mark.parametrize("trace", ROWS)
def test_a_trace_reads_as_its_row_in_the_table(trace: str) -> None:
    expected, said = expected_of(ROWS[trace]), said_of(reading_of(trace))
    assert said.content == expected.content
    assert said.reasoning == expected.reasoning
    assert said.tool_calls == expected.tool_calls
    assert (said.finish_reason, said.done) == (expected.finish_reason, expected.done)
    assert (said.usage, said.error) == (expected.usage, expected.error)
    assert said.ttft_s == _close(expected.ttft_s)
    assert said.ttfc_s == _close(expected.ttfc_s)
    assert said.e2e_s == _close(expected.e2e_s)


@pytest.mark.parametrize("trace", sampled(ROWS, 15))
def test_a_trace_fed_one_byte_at_a_time_reads_the_same(trace: str) -> None:
    whole = unframe(reads_of(trace))
    bytewise = [(chunk.at_ns, chunk.data[at : at + 1]) for chunk in whole.chunks for at in range(len(chunk.data))]
    assert read(make_recording(bytewise, whole.status, whole.end_reason)) == read(whole)


@pytest.mark.parametrize("question", ["code", "think", "unicode"])
def test_the_same_greedy_answer_reads_the_same_from_every_server(question: str) -> None:
    servers = ("llama-server", "mlx-lm", "llama-cpp-python", "transformers", "vllm")
    readings = [reading_of(f"{server}--{question}") for server in servers]
    assert len({reading.content.strip() for reading in readings}) == 1
    counted = {reading.usage.completion_tokens for reading in readings if reading.usage is not None}
    assert len(counted) == 1


@pytest.mark.parametrize("question", ["parallel", "mixed"])
def test_the_same_tool_calls_read_the_same_whole_and_in_pieces(question: str) -> None:
    servers = ("llama-server", "mlx-lm", "transformers", "vllm")
    calls = [reading_of(f"{server}--{question}").tool_calls for server in servers]
    assert len({tuple((call.name, call.arguments) for call in several) for several in calls}) == 1
    assert all(call.id for several in calls for call in several)


def test_two_parallel_calls_keep_their_own_ids() -> None:
    first, second = reading_of("vllm--parallel").tool_calls
    assert first == ToolCall("chatcmpl-tool-b8b1e2009dbbf41a", "read_file", '{"path": "a.txt"}')
    assert second.id not in (None, first.id)


def test_progress_before_the_first_token_is_counted_and_is_not_a_token() -> None:
    progress, ping = reading_of("llama-server--progress"), reading_of("llama-server--ping")
    assert (progress.counts.keepalives, progress.counts.role_only, progress.counts.comments) == (4, 1, 0)
    assert (ping.counts.keepalives, ping.counts.role_only, ping.counts.comments) == (0, 1, 20)
    assert progress.timings.ttfb_s == pytest.approx(0.01114, abs=1e-5)
    assert ping.timings.ttfb_s is not None
    assert ping.timings.ttft_s is not None
    assert ping.timings.ttft_s - ping.timings.ttfb_s > 29


@pytest.mark.parametrize(
    ("trace", "events"),
    [("llama-server--code", 208), ("mlx-lm--code", 202), ("llama-cpp-python--code", 263), ("transformers--code", 169),
     ("vllm--code", 208), ("llama-server--n2", 22), ("llama-server--killed", 65), ("llama-server--no-stream", 0)],
)  # fmt: skip
def test_every_event_on_the_wire_is_counted(trace: str, events: int) -> None:
    assert reading_of(trace).counts.events == events


def test_the_empty_thought_that_transformers_echoes_is_not_a_token() -> None:
    reading = reading_of("transformers--long")
    assert reading.timings.first_synthetic_s == pytest.approx(0.01998, abs=1e-5)
    assert (reading.counts.synthetic_events, reading.counts.token_events) == (1, 1)
    assert reading_of("transformers--think").counts.synthetic_events == 0


def test_reasoning_tokens_and_server_timings_are_kept() -> None:
    vllm, llama = reading_of("vllm--think"), reading_of("llama-server--think")
    assert vllm.usage == Usage(66, 418, None, 59)
    assert vllm.server_timings is None
    assert llama.server_timings is not None
    assert llama.server_timings["predicted_n"] == 418
    assert llama.server_timings["cache_n"] == 25
    assert llama.reported_model == "/opt/models/tinyqw/models/coder/model.gguf"


@pytest.mark.parametrize(
    ("trace", "reason", "source"),
    [
        ("llama-server--code", None, "usage"),
        ("llama-cpp-python--code", None, "events"),
        ("llama-server--no-usage", None, "usage"),
        ("llama-server--think-cut", "less than 50 ms between the first token and the last", "usage"),
        ("transformers--parallel", "fewer than 8 arrivals", "usage"),
        ("llama-server--no-stream", "one JSON answer, not a stream", "usage"),
        ("llama-server--killed", "neither a finish reason nor the last event", "events"),
        ("mlx-lm--killed", "neither a finish reason nor the last event", "events"),
        ("llama-server--loading", "an error in the reply", "none"),
        ("llama-cpp-python--pair-1", "an error in the reply", "none"),
    ],
)
def test_a_rate_has_its_source_and_a_missing_rate_its_reason(trace: str, reason: str | None, source: str) -> None:
    timings = reading_of(trace).timings
    assert (timings.decode_null_reason, timings.tokens_source) == (reason, source)
    assert (timings.decode_tps is None) == (reason is not None)


def test_the_decode_rate_agrees_with_the_servers_own_rate() -> None:
    reading = reading_of("llama-server--timings-per-token")
    assert reading.server_timings is not None
    own = reading.server_timings["predicted_per_second"]
    assert reading.timings.decode_tps == pytest.approx(own, rel=0.03)


def test_the_prefill_rate_needs_the_servers_cached_tokens() -> None:
    assert reading_of("llama-server--long").timings.apparent_prefill_tps == pytest.approx(6026 / 2.77832, rel=1e-4)
    assert reading_of("mlx-lm--long").timings.apparent_prefill_tps == pytest.approx(6021 / 30.29836, rel=1e-4)
    assert reading_of("transformers--long").timings.apparent_prefill_tps is None


def test_an_error_response_keeps_the_servers_words() -> None:
    overflow, unknown = reading_of("llama-server--overflow").error, reading_of("mlx-lm--bad-path").error
    plain, detail = reading_of("transformers--bad-type").error, reading_of("transformers--bad-model").error
    assert overflow is not None
    assert overflow.message.startswith("request (40015 tokens) exceeds the available context size (16384 tokens)")
    assert overflow.status == 400
    assert unknown is not None
    assert unknown.message == "Not Found"
    assert plain is not None
    assert plain.message == "Internal Server Error"
    assert detail is not None
    assert detail.message == "Server is pinned to 'models/coder'; requested 'no/such-model'."
