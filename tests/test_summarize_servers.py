"""Warnings about servers, their context, the graphics processor and what was stopped for a run."""

from dataclasses import replace

import pytest

from harness.summarize import summarize
from harness.types import HostFacts, MemoryUse, ProbeFinding, Result, ServiceChange, SkippedTask
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
    ("busy", "users", "told"), [(80, None, 1), (24, None, 0), (None, 2, 1), (0, 0, 0), (None, None, 0)]
)
def test_a_graphics_processor_that_others_use_is_told(busy: int | None, users: int | None, told: int) -> None:
    assert len(_warned(_on(gpu_utilization_percent=busy, gpu_processes=users), "gpu_in_use")) == told


def test_a_graphics_processor_that_is_busy_before_a_later_model_is_told_of_that_model() -> None:
    (text,) = _warned(_first_model(memory=MemoryUse(gpu_utilization_percent=60)), "gpu_in_use")
    assert text.endswith("the GPU was 60 % busy before it was loaded")
    assert _warned(_first_model(memory=MemoryUse(gpu_utilization_percent=24)), "gpu_in_use") == []


def test_a_context_below_what_the_model_could_have_names_the_setting_and_its_cost() -> None:
    lowered = {"served_context_tokens": 32768, "own_context_tokens": 131072}
    (text,) = _warned(
        _first_model(context_setting="-c", skipped=(SkippedTask("long", 90_000, 32768),), **lowered), "context_lowered"
    )
    assert "provides 32768 tokens of context (-c), the model supports 131072; skipped tasks: long" in text


def test_a_context_that_cost_tasks_names_the_setting_even_where_the_models_own_is_not_told() -> None:
    (text,) = _warned(
        _first_model(
            served_context_tokens=32768,
            own_context_tokens=None,
            context_setting="sampling.max_context_window in ~/.omlx/settings.json",
            skipped=(SkippedTask("long", 90_000, 32768),),
        ),
        "context_lowered",
    )
    assert "(sampling.max_context_window in ~/.omlx/settings.json), the model's own limit is not reported" in text
    assert text.endswith("skipped tasks: long")


@pytest.mark.parametrize(("served", "own"), [(32768, 32768), (None, 32768), (32768, None)])
def test_a_context_that_is_whole_or_unknown_is_not_warned_of(served: int | None, own: int | None) -> None:
    assert _warned(_first_model(served_context_tokens=served, own_context_tokens=own), "context_lowered") == []


def test_settings_that_are_not_the_runs_own_are_told_and_are_no_fault_of_the_server() -> None:
    live = (ProbeFinding("left_to_server", live=["top_k", "min_p"]), ProbeFinding("ignored_by_server", live=["seed"]))
    result = _first_model(live=live)
    (left,), (ignored,) = (_warned(result, one.name) for one in live)
    assert "top_k, min_p: not sent" in left
    assert "seed: sent" in ignored
    assert _warned(result, "server_differs") == []


@pytest.mark.parametrize(("live", "told"), [(["fake_reasoning"], 1), (["comment"], 0), (None, 0)])
def test_a_load_inside_a_request_is_told(live: list[str] | None, told: int) -> None:
    found = ProbeFinding("early_events", ["fake_reasoning"], live, agrees=None)
    assert len(_warned(_first_model(live=(found,)), "loaded_in_request")) == told


def test_a_server_that_differs_from_its_kind_is_told_with_both_sides() -> None:
    live = (
        ProbeFinding("done", True, False, agrees=False),
        ProbeFinding("usage", "separate_chunk", "separate_chunk", agrees=True),
        ProbeFinding("reasoning_keys", ["reasoning"], ["reasoning_content"], agrees=False),
        ProbeFinding("cache_holds", None, True),
    )
    (text,) = _warned(_first_model(live=live), "server_differs")
    assert text.endswith("done is no, expected yes; reasoning_keys is reasoning_content, expected reasoning")


def test_a_server_that_keeps_to_its_kind_is_not_warned_of() -> None:
    assert _warned(_first_model(live=(ProbeFinding("done", True, True, agrees=True),)), "server_differs") == []


def test_what_was_stopped_and_runs_again_is_told_and_what_does_not_is_told_apart() -> None:
    result = example_result()
    changes = (
        ServiceChange("launchd com.x", "2026-11-24T00:00:00+00:00", restored=True),
        ServiceChange("m loaded in Ollama", "2026-11-24T00:00:00+00:00", restored=False, note="HTTP 500"),
    )
    changed = replace(result, run=replace(result.run, changes=changes))
    assert _warned(changed, "restored") == ["stopped for the run and restored: launchd com.x"]
    assert "m loaded in Ollama" in _warned(changed, "not_restored")[0]
    assert _warned(result, "restored") == []


def test_a_long_prompt_that_was_not_kept_whole_is_told_with_what_it_cost() -> None:
    cut = ProbeFinding("long_prompt", "whole", "cut", agrees=False, note="4096 tokens counted of some 28000 sent")
    lost = _first_model(live=(cut,), skipped=(SkippedTask("speed-large", 29_000, 4096),))
    (text,) = _warned(lost, "long_prompt")
    assert text.endswith("was cut: 4096 tokens counted of some 28000 sent; skipped tasks: speed-large")
    assert _warned(lost, "server_differs") == []
    whole = replace(cut, live="whole", agrees=True)
    assert _warned(_first_model(live=(whole,)), "long_prompt") == []
