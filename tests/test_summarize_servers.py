"""Warnings about servers: GPU use, context length, differing behavior, stopped services."""

from dataclasses import replace

import pytest

from harness.summarize import summarize
from harness.types import HostFacts, MemoryUse, ProbeFinding, Result, SkippedTask, StoppedService
from tests.example import example_result


def _warned(result: Result, code: str) -> list[str]:
    return [warning.text for warning in summarize(result).warnings if warning.code == code]


def _on(**changes: object) -> Result:
    result = example_result()
    host: HostFacts = replace(result.host, **changes)  # type: ignore[arg-type]
    return replace(result, host=host)


def _first_model(**changes: object) -> Result:
    result = example_result()
    first = replace(result.models[0], **changes)  # type: ignore[arg-type]
    return replace(result, models=(first, *result.models[1:]))


@pytest.mark.parametrize(
    ("busy", "users", "warned"), [(80, None, 1), (24, None, 0), (None, 2, 1), (0, 0, 0), (None, None, 0)]
)
def test_a_gpu_in_use_by_others_is_warned_of(busy: int | None, users: int | None, warned: int) -> None:
    assert len(_warned(_on(gpu_utilization_percent=busy, gpu_processes=users), "gpu_in_use")) == warned


def test_a_gpu_that_is_busy_before_a_model_loads_is_warned_of_for_that_model() -> None:
    (text,) = _warned(_first_model(memory=MemoryUse(gpu_utilization_percent=60)), "gpu_in_use")
    assert text.endswith("the GPU was 60 % busy before it was loaded")
    assert _warned(_first_model(memory=MemoryUse(gpu_utilization_percent=24)), "gpu_in_use") == []


def test_a_context_below_the_models_limit_names_the_setting_and_the_skipped_tasks() -> None:
    lowered = {"served_context_tokens": 32768, "model_context_tokens": 131072}
    (text,) = _warned(
        _first_model(context_setting="-c", skipped=(SkippedTask("long", 90_000, 32768),), **lowered), "context_lowered"
    )
    assert "provides 32768 tokens of context (-c), the model supports 131072; skipped tasks: long" in text


def test_skipped_tasks_name_the_context_setting_even_where_the_models_limit_is_unknown() -> None:
    (text,) = _warned(
        _first_model(
            served_context_tokens=32768,
            model_context_tokens=None,
            context_setting="sampling.max_context_window in ~/.omlx/settings.json",
            skipped=(SkippedTask("long", 90_000, 32768),),
        ),
        "context_lowered",
    )
    assert "(sampling.max_context_window in ~/.omlx/settings.json), the model's own limit is not reported" in text
    assert text.endswith("skipped tasks: long")


@pytest.mark.parametrize(("served", "own"), [(32768, 32768), (None, 32768), (32768, None)])
def test_a_full_or_unknown_context_is_not_warned_of(served: int | None, own: int | None) -> None:
    assert _warned(_first_model(served_context_tokens=served, model_context_tokens=own), "context_lowered") == []


def test_settings_that_the_server_decides_are_warned_of_separately() -> None:
    live = (
        ProbeFinding("server_default_used", observed=["top_k", "min_p"]),
        ProbeFinding("ignored_by_server", observed=["seed"]),
    )
    result = _first_model(probe_findings=live)
    (left,), (ignored,) = (_warned(result, one.name) for one in live)
    assert "top_k, min_p: not sent" in left
    assert "seed: sent" in ignored
    assert _warned(result, "server_differs") == []


@pytest.mark.parametrize(("live", "warned"), [(["synthetic_progress"], 1), (["comment"], 0), (None, 0)])
def test_a_model_load_inside_a_request_is_warned_of(live: list[str] | None, warned: int) -> None:
    found = ProbeFinding("early_events", ["synthetic_progress"], live, agrees=None)
    assert len(_warned(_first_model(probe_findings=(found,)), "loaded_in_request")) == warned


def test_a_server_that_differs_from_its_kind_is_warned_of_with_both_values() -> None:
    live = (
        ProbeFinding("sends_done", True, False, agrees=False),
        ProbeFinding("usage", "separate_chunk", "separate_chunk", agrees=True),
        ProbeFinding("reasoning_keys", ["reasoning"], ["reasoning_content"], agrees=False),
        ProbeFinding("cache_hits_on_repeat", None, True),
    )
    (text,) = _warned(_first_model(probe_findings=live), "server_differs")
    assert text.endswith("sends_done is no, expected yes; reasoning_keys is reasoning_content, expected reasoning")


def test_a_server_that_matches_its_kind_is_not_warned_of() -> None:
    assert (
        _warned(_first_model(probe_findings=(ProbeFinding("sends_done", True, True, agrees=True),)), "server_differs")
        == []
    )


def test_restored_and_not_restored_services_have_separate_warnings() -> None:
    result = example_result()
    changes = (
        StoppedService("launchd com.x", "2026-11-24T00:00:00+00:00", restored=True),
        StoppedService("m loaded in Ollama", "2026-11-24T00:00:00+00:00", restored=False, note="HTTP 500"),
    )
    changed = replace(result, run=replace(result.run, stopped_services=changes))
    assert _warned(changed, "restored") == ["stopped for the run and restored: launchd com.x"]
    assert "m loaded in Ollama" in _warned(changed, "not_restored")[0]
    assert _warned(result, "restored") == []


def test_a_truncated_long_prompt_is_warned_of_with_the_skipped_tasks() -> None:
    cut = ProbeFinding(
        "long_prompt", "complete", "truncated", agrees=False, note="4096 tokens counted of about 28000 sent"
    )
    lost = _first_model(probe_findings=(cut,), skipped=(SkippedTask("speed-large", 29_000, 4096),))
    (text,) = _warned(lost, "long_prompt")
    assert text.endswith("was truncated: 4096 tokens counted of about 28000 sent; skipped tasks: speed-large")
    assert _warned(lost, "server_differs") == []
    whole = replace(cut, observed="complete", agrees=True)
    assert _warned(_first_model(probe_findings=(whole,)), "long_prompt") == []
