"""What a run asks of a server before its first trial: how it takes a prompt as long as the longest."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.record import Client
from harness.servers import get_server_kind
from harness.servers.context_fit import ContextFit, fit_tasks
from harness.servers.query import ServerHandle
from harness.tasks import find_fixtures, load_tasks
from harness.types import Model, ProbeFinding, Task
from tests.pretend import Manners, Told, pretending
from tests.test_run_recorder import make_model, model_run, record_models, routes

SERVED = 65_536


def some_tasks(*names: str) -> Sequence[Task]:
    return load_tasks([find_fixtures()], names=names)


def fitted(manners: Manners, names: Sequence[str] = ("speed-small", "speed-large")) -> tuple[ContextFit, Told]:
    with pretending(manners) as server, Client() as client:
        asked = ServerHandle(client, Model("a", "llama-server", server.base_url, "m"), get_server_kind("llama-server"))
        return fit_tasks(asked, some_tasks(*names), SERVED, 0), server


def one_finding(fits: ContextFit) -> ProbeFinding:
    (found,) = fits.findings
    return found


def test_a_server_that_keeps_the_longest_prompt_whole_is_asked_twice_and_leaves_nothing_out() -> None:
    fits, server = fitted(Manners(context=SERVED, repeats=True))
    assert (one_finding(fits).live, one_finding(fits).agrees) == ("whole", True)
    assert "the code word at its front was repeated" in (one_finding(fits).note or "")
    assert (fits.skipped, fits.cap_tokens) == ((), None)
    assert fits.tokens_per_char == pytest.approx(0.25, rel=0.02)
    sizes = [sum(len(message["content"]) for message in body["messages"]) for body in server.bodies]
    (large,) = (task for task in some_tasks("speed-large"))
    assert len(sizes) == 2
    assert sizes[1] >= len(large.turns[0]) > 10 * sizes[0]


def test_a_cut_that_the_count_shows_leaves_out_what_is_longer_than_what_was_left() -> None:
    fits, _ = fitted(Manners(context=4096, overflow="silent_truncation", repeats=True))
    assert (one_finding(fits).live, one_finding(fits).agrees, fits.cap_tokens) == ("cut", False, 4096)
    assert "4096 tokens counted of some 2" in (one_finding(fits).note or "")
    assert [(one.task, one.available_tokens) for one in fits.skipped] == [("speed-large", 4096)]


def test_a_cut_that_the_count_hides_is_told_by_the_code_word_that_was_lost() -> None:
    manners = Manners(context=4096, overflow="silent_truncation", repeats=True, counts_cut=False)
    fits, _ = fitted(manners)
    assert (one_finding(fits).live, one_finding(fits).agrees) == ("front lost", False)
    assert fits.skipped == ()


def test_a_model_that_repeats_nothing_is_not_blamed_for_it() -> None:
    fits, _ = fitted(Manners(context=SERVED))
    assert (one_finding(fits).live, one_finding(fits).agrees) == ("whole", True)
    assert "neither" in (one_finding(fits).note or "")


@pytest.mark.parametrize("overflow", ["http_400", "error_in_200"])
def test_a_refusal_is_no_cut_and_names_the_room_that_there_is(overflow: str) -> None:
    fits, _ = fitted(Manners(context=4096, overflow=overflow, repeats=True))
    assert (one_finding(fits).live, one_finding(fits).agrees) == ("refused", False)
    assert fits.cap_tokens == 4096
    assert [one.task for one in fits.skipped] == ["speed-large"]


def test_a_server_that_answers_neither_question_shows_nothing() -> None:
    fits, _ = fitted(Manners(refuses="stream"))
    assert (one_finding(fits).live, one_finding(fits).agrees) == (None, None)
    assert fits.tokens_per_char is None


def test_short_tasks_cost_no_question() -> None:
    fits, server = fitted(Manners(), ("speed-small",))
    assert (fits, server.bodies) == (ContextFit(()), [])


def test_a_run_keeps_what_was_found_and_what_each_prompt_must_have(tmp_path: Path) -> None:
    tasks = some_tasks("speed-small", "speed-large")
    with pretending(Manners(context=SERVED, repeats=True), routes(SERVED)) as server:
        folder, stopped = record_models(tmp_path, tasks, [make_model(server.base_url)])
    assert stopped == []
    assert [one.live for one in model_run(folder).live if one.name == "long_prompt"] == ["whole"]
    turns = [turn for trial in folder.read_trials() for turn in trial]
    assert {turn.key.task for turn in turns} == {"speed-small", "speed-large"}
    for turn in turns:
        chars = sum(len(message["content"]) for message in turn.request["messages"])
        assert turn.min_prompt_tokens == pytest.approx(0.15 * chars, rel=0.02)


def test_a_run_of_a_server_that_cuts_goes_on_with_what_fits(tmp_path: Path) -> None:
    tasks = some_tasks("speed-small", "speed-large")
    manners = Manners(context=8192, overflow="silent_truncation", repeats=True)
    with pretending(manners, routes(SERVED)) as server:
        folder, stopped = record_models(tmp_path, tasks, [make_model(server.base_url)])
    assert stopped == []
    assert {key.task for key in folder.recorded} == {"speed-small"}
    assert model_run(folder).served_context_tokens == 8192
    assert [one.task for one in model_run(folder).skipped] == ["speed-large"]
