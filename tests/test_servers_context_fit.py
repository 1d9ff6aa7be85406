"""The check before the first trial: whether a server takes a prompt as long as the longest of the run."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from harness.record import Client
from harness.run import context_needs
from harness.servers import get_server_kind
from harness.servers.context_fit import ContextFit, fit_tasks
from harness.servers.query import ServerHandle
from harness.tasks import find_fixtures, load_tasks
from harness.types import Model, ProbeFinding, Task
from tests.fake_server import FakeBehavior, FakeServer, serve_fake
from tests.test_run_recorder import make_model, model_run, record_models, routes

SERVED = 65_536


def some_tasks(*names: str) -> Sequence[Task]:
    return load_tasks([find_fixtures()], names=names)


def fitted(
    behavior: FakeBehavior,
    names: Sequence[str] = ("speed-small", "speed-large"),
    may_send: Callable[[], bool] = lambda: True,
) -> tuple[ContextFit, FakeServer]:
    with serve_fake(behavior) as server, Client() as client:
        handle = ServerHandle(Model("a", "llama-server", server.base_url, "m"), get_server_kind("llama-server"))
        return fit_tasks(handle, client, context_needs(some_tasks(*names), 0), SERVED, may_send), server


def one_finding(fits: ContextFit) -> ProbeFinding:
    (found,) = fits.findings
    return found


def test_a_server_that_keeps_the_longest_prompt_gets_two_requests_and_skips_nothing() -> None:
    fits, server = fitted(FakeBehavior(context=SERVED, repeats=True))
    assert (one_finding(fits).observed, one_finding(fits).agrees) == ("complete", True)
    assert "the model repeated the code word at its beginning" in (one_finding(fits).note or "")
    assert (fits.skipped, fits.effective_context_tokens) == ((), None)
    assert fits.tokens_per_char == pytest.approx(0.25, rel=0.02)
    sizes = [sum(len(message["content"]) for message in body["messages"]) for body in server.bodies]
    (large,) = (task for task in some_tasks("speed-large"))
    assert len(sizes) == 2
    assert sizes[1] >= len(large.turns[0]) > 10 * sizes[0]


def test_truncation_that_the_count_shows_skips_the_tasks_that_are_longer() -> None:
    fits, _ = fitted(FakeBehavior(context=4096, overflow="silent_truncation", repeats=True))
    assert (one_finding(fits).observed, one_finding(fits).agrees, fits.effective_context_tokens) == (
        "truncated",
        False,
        4096,
    )
    assert "4096 tokens counted of about 2" in (one_finding(fits).note or "")
    assert [(skipped.task, skipped.available_tokens) for skipped in fits.skipped] == [("speed-large", 4096)]


def test_truncation_that_the_count_hides_shows_in_the_lost_code_word() -> None:
    behavior = FakeBehavior(context=4096, overflow="silent_truncation", repeats=True, counts_cut=False)
    fits, _ = fitted(behavior)
    assert (one_finding(fits).observed, one_finding(fits).agrees) == ("read without its beginning", False)
    assert fits.skipped == ()


def test_a_model_that_never_repeats_the_code_word_is_no_finding() -> None:
    fits, _ = fitted(FakeBehavior(context=SERVED))
    assert (one_finding(fits).observed, one_finding(fits).agrees) == ("complete", True)
    assert "did not repeat the code word even for the short prompt" in (one_finding(fits).note or "")


@pytest.mark.parametrize("overflow", ["http_400", "error_in_200"])
def test_a_rejection_is_not_truncation_and_names_the_cap(overflow: str) -> None:
    fits, _ = fitted(FakeBehavior(context=4096, overflow=overflow, repeats=True))
    assert (one_finding(fits).observed, one_finding(fits).agrees) == ("rejected", False)
    assert fits.effective_context_tokens == 4096
    assert [skipped.task for skipped in fits.skipped] == ["speed-large"]


def test_a_server_that_answers_neither_request_shows_nothing() -> None:
    fits, _ = fitted(FakeBehavior(refuses="stream"))
    assert (one_finding(fits).observed, one_finding(fits).agrees) == (None, None)
    assert fits.tokens_per_char is None


def test_short_tasks_cost_no_request() -> None:
    fits, server = fitted(FakeBehavior(), ("speed-small",))
    assert (fits, server.bodies) == (ContextFit(()), [])


def test_a_run_stores_the_finding_and_the_lower_bound_of_each_prompt(tmp_path: Path) -> None:
    tasks = some_tasks("speed-small", "speed-large")
    with serve_fake(FakeBehavior(context=SERVED, repeats=True), routes(SERVED)) as server:
        folder, stopped = record_models(tmp_path, tasks, [make_model(server.base_url)])
    assert stopped == []
    assert [finding.observed for finding in model_run(folder).probe_findings if finding.name == "long_prompt"] == [
        "complete"
    ]
    turns = [turn for trial in folder.read_trials() for turn in trial]
    assert {turn.key.task for turn in turns} == {"speed-small", "speed-large"}
    for turn in turns:
        chars = sum(len(message["content"]) for message in turn.request["messages"])
        assert turn.min_prompt_tokens == pytest.approx(0.15 * chars, rel=0.02)


def test_a_run_on_a_truncating_server_continues_with_the_tasks_that_fit(tmp_path: Path) -> None:
    tasks = some_tasks("speed-small", "speed-large")
    behavior = FakeBehavior(context=8192, overflow="silent_truncation", repeats=True)
    with serve_fake(behavior, routes(SERVED)) as server:
        folder, stopped = record_models(tmp_path, tasks, [make_model(server.base_url)])
    assert stopped == []
    assert {key.task for key in folder.recorded} == {"speed-small"}
    assert model_run(folder).served_context_tokens == 8192
    assert [skipped.task for skipped in model_run(folder).skipped] == ["speed-large"]


@pytest.mark.parametrize(("allowed", "sent"), [((False,), 0), ((True, False), 1), ((True, True, False), 2)])
def test_no_request_is_sent_when_the_time_is_used_and_nothing_follows_from_a_reply_that_it_cut(
    allowed: tuple[bool, ...], sent: int
) -> None:
    answers = iter(allowed)
    behavior = FakeBehavior(context=4096, overflow="silent_truncation", repeats=True)
    fits, server = fitted(behavior, may_send=lambda: next(answers, False))
    assert len(server.bodies) == sent
    assert (fits.findings, fits.skipped, fits.effective_context_tokens) == ((), (), None)
