"""What two real servers say is recorded and read as their kinds describe them."""

from __future__ import annotations

from dataclasses import replace

from harness.read import read
from harness.record import Client, TurnRequest, record
from harness.servers import build_request_fields, get_server_kind
from harness.types import Json, Model, Reading, TrialKey

QUESTION = "What is a good name for a function that counts the lines of a file?"


def ask(model: Model, text: str, *, max_tokens: int = 40, system: str = "Answer in one line.") -> Reading:
    kind = get_server_kind(model.server)
    body: dict[str, Json] = {
        "model": model.model,
        "messages": [{"role": "system", "content": system}, {"role": "user", "content": text}],
        "stream": True,
        "stream_options": {"include_usage": True},
        kind.max_tokens_field: max_tokens,
        **build_request_fields(kind, model),
    }
    url = f"{model.base_url}/chat/completions"
    with Client() as client:
        recording = record(client, TurnRequest(TrialKey(model.label, "by hand", 0), 0, 0, url, body))
    assert recording.end_reason == "complete", recording.error
    return read(recording)


def test_an_answer_is_read_with_its_usage_and_its_times(both: tuple[Model, Model]) -> None:
    for model in both:
        reading = ask(model, QUESTION)
        assert reading.error is None
        assert reading.done
        assert reading.finish_reason in ("stop", "length")
        assert reading.content
        assert reading.reasoning == ""
        assert reading.usage is not None
        assert 0 < (reading.usage.completion_tokens or 0) <= 40
        times = reading.timings
        assert times.ttfb_s is not None
        assert times.ttft_s is not None
        assert times.e2e_s is not None
        assert 0 < times.ttfb_s <= times.ttft_s <= times.e2e_s
        assert times.tokens_source == "usage"


def test_greedy_answers_repeat(both: tuple[Model, Model]) -> None:
    for model in both:
        assert ask(model, QUESTION).content == ask(model, QUESTION).content


def test_both_count_the_same_prompt_alike(both: tuple[Model, Model]) -> None:
    # The same tokenizer in two formats: a difference would mean that one of them was asked something else.
    counted = [reading.usage.prompt_tokens for reading in (ask(model, QUESTION) for model in both) if reading.usage]
    assert len(counted) == 2
    assert counted[0] == counted[1]


def test_a_repeated_prompt_is_told_as_cached_and_a_new_beginning_is_not(both: tuple[Model, Model]) -> None:
    long = "The pump house has two pumps and a spare. " * 30
    for model in both:
        first = ask(model, long, system="[0f0f0f0f] Answer in one line.")
        again = ask(model, long, system="[0f0f0f0f] Answer in one line.")
        other = ask(model, long, system="[e1e1e1e1] Answer in one line.")
        assert first.usage is not None
        assert again.usage is not None
        assert other.usage is not None
        total = again.usage.prompt_tokens or 0
        assert (again.usage.cached_tokens or 0) > 0.8 * total
        assert (other.usage.cached_tokens or 0) < 0.2 * total


def test_only_the_llama_server_tells_its_own_times(both: tuple[Model, Model]) -> None:
    llama, mlx = (ask(model, QUESTION) for model in both)
    assert llama.server_timings is not None
    assert llama.server_timings["predicted_n"] == (llama.usage.completion_tokens if llama.usage else None)
    assert mlx.server_timings is None


def test_a_prompt_beyond_the_context_is_an_error_of_the_llama_server(llama_server: Model) -> None:
    reading = ask(llama_server, "pump " * 60_000)
    assert reading.error is not None
    assert reading.error.status == 400
    assert reading.error.kind == "context_overflow"
    assert reading.content == ""


def test_an_unknown_model_is_an_error_of_mlx(mlx_server: Model) -> None:
    reading = ask(replace(mlx_server, model="nobody/has-this"), QUESTION)
    assert reading.error is not None
    assert reading.error.status == 404
