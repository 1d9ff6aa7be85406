"""Whether a model thinks, what its tasks' budgets follow from, and how they are cut to the context."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from harness.record import Client
from harness.servers import (
    ContextNeed,
    ServerHandle,
    compute_max_tokens,
    cut_thinking_budgets,
    get_server_kind,
    learn_thinking,
    skip_oversized_tasks,
    thinking_allowance,
)
from harness.tasks import find_fixtures, load_tasks
from harness.types import CutBudget, Json
from tests.fake_server import FakeBehavior, Route, respond_with, serve_fake
from tests.samples import task_of
from tests.test_run_recorder import make_model, model_run, record_models

LLAMA = get_server_kind("llama-server")
PLAIN_TEMPLATE = "{% for message in messages %}<|im_start|>{{ message.role }}{{ message.content }}{% endfor %}"
THINKING_TEMPLATE = PLAIN_TEMPLATE + "{% if enable_thinking %}<think>{% endif %}"


def props(template: str | None) -> Mapping[str, Route]:
    return {"GET /props": respond_with({"chat_template": template} if template is not None else {})}


def learned(behavior: FakeBehavior, template: str | None = None, **settings: Json) -> tuple[bool | None, int]:
    with serve_fake(behavior, props(template)) as server, Client() as client:
        handle = ServerHandle(make_model(server.base_url, **settings), LLAMA)
        return learn_thinking(handle, client), len(server.bodies)


def test_a_template_without_a_word_on_thinking_decides_without_a_request() -> None:
    assert learned(FakeBehavior(thinks=False), PLAIN_TEMPLATE) == (False, 0)


def test_without_time_for_the_question_nothing_is_learned() -> None:
    with serve_fake(FakeBehavior(), props(THINKING_TEMPLATE)) as server, Client() as client:
        assert learn_thinking(ServerHandle(make_model(server.base_url), LLAMA), client, lambda: False) is None
        assert server.bodies == []


def test_a_reply_with_reasoning_shows_that_a_model_thinks() -> None:
    assert learned(FakeBehavior(thinks=True), THINKING_TEMPLATE) == (True, 1)
    assert learned(FakeBehavior(thinks=True)) == (True, 1)


def test_a_reply_without_reasoning_decides_only_where_no_template_contradicts() -> None:
    assert learned(FakeBehavior(thinks=False)) == (False, 1)
    assert learned(FakeBehavior(thinks=False), THINKING_TEMPLATE) == (None, 1)


@pytest.mark.parametrize("setting", ["on", "off"])
def test_a_setting_of_the_user_is_not_asked_about(setting: str) -> None:
    assert learned(FakeBehavior(), thinking=setting) == (None, 0)


@pytest.mark.parametrize(
    ("setting", "thinks", "tokens"),
    [
        ("on", None, 1000),
        ("on", False, 1000),
        ("off", None, 0),
        ("off", True, 0),
        ("default", None, 1000),
        ("default", True, 1000),
        ("default", False, 0),
    ],
)
def test_only_a_model_that_may_think_gets_a_budget_for_it(setting: str, thinks: bool | None, tokens: int) -> None:
    model = make_model("", thinking=setting)
    assert thinking_allowance(model, LLAMA, thinks, 1000) == tokens
    # An agent writes its own requests.
    assert thinking_allowance(replace(model, agent="pi"), LLAMA, thinks, 1000) == 0


def test_a_task_that_only_measures_speed_has_no_budget_for_thinking() -> None:
    assert compute_max_tokens(task_of(scorer="calls"), 1000) == 1300
    assert compute_max_tokens(task_of(), 1000) == 300


def test_budgets_for_thinking_are_cut_before_a_task_is_skipped() -> None:
    needs = [
        ContextNeed("fits", 400, 300, thinking_tokens=1000),
        ContextNeed("cut", 4000, 300, thinking_tokens=1000),
        ContextNeed("shared", 400, 600, answers=2, thinking_tokens=1000),
        ContextNeed("none-left", 4000, 948, thinking_tokens=1000),
        ContextNeed("too-long", 8000, 300, thinking_tokens=1000),
    ]
    assert [skip.task for skip in skip_oversized_tasks(needs, 2048)] == ["too-long"]
    assert cut_thinking_budgets(needs, 2048) == (
        CutBudget("cut", 648),
        CutBudget("shared", 669),
        CutBudget("none-left", 0),
    )
    assert cut_thinking_budgets(needs, None) == ()


def test_a_small_context_records_every_task_that_fits_without_thinking(tmp_path: Path) -> None:
    tasks = load_tasks([find_fixtures()], names=["code-bugfix", "speed-small"])
    served = {
        **props(THINKING_TEMPLATE),
        "GET /v1/models": respond_with({"data": [{"id": "m", "meta": {"n_ctx": 4096, "n_ctx_train": 4096}}]}),
        "GET /health": respond_with({"status": "ok"}),
    }
    with serve_fake(FakeBehavior(thinks=True), served) as server:
        folder, problems = record_models(tmp_path, tasks, [make_model(server.base_url)])
    assert problems == []
    (cut,) = model_run(folder).cut_budgets
    assert (model_run(folder).skipped, model_run(folder).thinks, cut.task) == ((), True, "code-bugfix")
    limits = {turn.key.task: turn.request["max_tokens"] for turns in folder.read_trials() for turn in turns}
    assert limits == {"code-bugfix": 1600 + cut.thinking_tokens, "speed-small": 300}
