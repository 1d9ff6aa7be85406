"""The section on agents, and how a run with agents is summarized: with the example's trials as work of an agent."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from harness.report import render_brief, render_html, render_text
from harness.report.agent_work import agent_work
from harness.summarize import lane_evidence, summarize
from harness.types import (
    AgentEnd,
    AgentLimits,
    AgentSession,
    AgentWork,
    CachedTurn,
    Lane,
    Outcome,
    Result,
    TrialResult,
)
from tests.example import example_result

SECOND = 1_000_000_000
LOSS = 'tools[3] (bash): "Sun" became "Mon"'
CHAT, WORK = "code-bugfix", "agent-work"


def work(end: AgentEnd = "exited", exit_code: int | None = 0, patch: str = "") -> AgentWork:
    return AgentWork(end, exit_code, patch, 2.0, 0, 1, ("POST /api/pull",), AgentLimits())


def session(cached: Sequence[int | None]) -> AgentSession:
    """Requests of 1,000 tokens each, of which so many were cached."""
    cache = tuple(
        CachedTurn(at, "new" if not at else "hit" if found else "miss", 1000, found, 0 if found else 900 * (at > 0),
                   LOSS if at and not found else "")
        for at, found in enumerate(cached)
    )  # fmt: skip
    return AgentSession(2.0, 5.0, 1.0, calls=4, malformed_calls=1, unknown_calls=0, cache=cache)


ENDS: tuple[tuple[Outcome, AgentWork], ...] = (
    (Outcome.PASSED, work()),
    (Outcome.PASSED, work()),
    (Outcome.FAILED, work()),
    (Outcome.NO_EDIT, work("gave_up")),
    (Outcome.TURN_LIMIT, work("turns", None)),
    (Outcome.CRASHED, work("exited", 3)),
)


@cache
def result() -> Result:
    """The model `hasty` with an agent, and `steady` alone: each has a task of its own, and there is a lane for both."""
    base = example_result()
    tasks = tuple(task for task in base.tasks if task.name == CHAT)
    chat = [trial for trial in base.trials if trial.task == CHAT and not trial.warmup]
    worked = [trial for trial in chat if trial.model == "hasty"]
    trials = (*(trial for trial in chat if trial.model == "steady"), *map(_worked, worked, ENDS))
    models = tuple(
        replace(model, label="steady+codex", agent="codex", model=base.models[0].model, server=base.models[0].server)
        if model.label == "hasty"
        else model
        for model in base.models
    )
    return summarize(
        replace(
            base, models=models, tasks=(*tasks, replace(tasks[0], name=WORK, for_agents=True)), trials=trials,
            run=replace(base.run, trials=len(ENDS)), lanes=(Lane("agent work", {WORK: 1.0}), Lane("chat", {CHAT: 1.0})),
        )
    )  # fmt: skip


def _worked(trial: TrialResult, end: tuple[Outcome, AgentWork]) -> TrialResult:
    """Ten seconds of an agent that made three requests."""
    outcome, agent_work = end
    return replace(
        trial, model="steady+codex", task=WORK, outcome=outcome, work=agent_work, session=session([0, 900, 0]),
        turns=trial.turns[:1] * 3, ended_ns=(trial.started_ns or 0) + 10 * SECOND,
    )  # fmt: skip


def rows() -> dict[str, str]:
    return {row[0].text: row[1].text for table in agent_work(result()).tables for row in table.rows}


def test_a_solved_task_costs_what_all_trials_cost_together() -> None:
    found = rows()
    assert found["trials solved"] == "2/6 33%"
    # Six trials of 10 s and 3 requests, of which two solved their task.
    assert found["wall time"] == "30.0 s (10.0 s a trial)"
    assert found["requests"] == "9.00 (3.00 a trial)"
    assert found["generated tokens"].endswith("a trial)")


def test_the_time_is_shared_out_to_prefill_decode_tools_and_agent() -> None:
    found = rows()
    assert [found[name] for name in ("prefill", "decode", "tools", "agent")] == ["20%", "50%", "10%", "20%"]
    assert found["CPU of the agent's container"] == "0.2 cores"
    assert found["decode, tok/s, beside the agent"] != found["decode, tok/s, of the model alone"]


def test_the_cache_hits_stand_by_request_with_the_doctors_verdict() -> None:
    found = rows()
    assert [found[f"request {number}"] for number in (1, 2)] == ["0%", "90%"]
    assert found["requests 3 to 4"] == "0%"
    assert found["held, of the requests that could use it"] == "6 of 12"
    assert agent_work(result()).notes == (f"steady+codex: 5,400 prompt tokens were read again: {LOSS}",)


def test_every_end_of_a_trial_is_counted() -> None:
    found = rows()
    ends = ("solved", "wrong edit", "no edit", "gave up", "crashed", "malformed tool calls")
    assert [found[name] for name in ends] == ["2 of 6", "1 of 6", "1 of 6", "1 of 6", "1 of 6", "6 of 24"]
    assert (found["ended by a limit"], found["connections refused"]) == ("requests 1", "6")


def test_trials_in_which_the_agent_asked_nothing_or_waited_are_warned_of() -> None:
    trials = [trial for trial in result().trials if trial.work is not None]
    silent = [
        replace(trial, turns=(), work=each) for trial, each in zip(trials, (work(), work("exited", 1)), strict=False)
    ]
    waited = replace(trials[2], work=work("clock", None), ended_ns=(trials[2].started_ns or 0) + 600 * SECOND)
    changed = [*silent, waited, *trials[3:]]
    others = [trial for trial in result().trials if trial.work is None]
    found = summarize(replace(result(), trials=(*others, *changed)))
    assert [warning.text for warning in found.warnings if warning.code.startswith("agent_")] == [
        "steady+codex: codex asked the model nothing in 2 of 6 trials, which say nothing about the model "
        "(exit code 0 in 1, exit code 1 in 1)",
        "steady+codex: in 1 of 6 trials the clock ended codex while it waited, more than 50% of the time after the "
        "model's last reply: it may have asked its user, or run a command that does not end",
    ]
    assert "codex asked the model nothing" in render_brief(found)


def test_an_agent_that_decides_its_prompts_is_not_warned_of_as_a_server_that_cuts_them() -> None:
    def uncounted(trial: TrialResult) -> TrialResult:
        sizes = (5000, 800, 6000) if trial.work is not None else (5000,)
        turns = tuple(
            replace(turn, usage=replace(turn.usage, prompt_tokens=size, cached_tokens=None))
            for turn, size in zip(trial.turns, sizes, strict=True)
            if turn.usage is not None
        )
        return replace(trial, turns=turns)

    found = summarize(replace(result(), trials=tuple(map(uncounted, result().trials))))
    texts = [(warning.code, warning.model) for warning in found.warnings]
    assert ("cache_unknown", "steady") in texts
    assert {code for code, model in texts if model == "steady+codex"}.isdisjoint({"cache_unknown", "prompt_shrank"})


def test_the_lead_divides_by_what_the_code_divides_by() -> None:
    assert "divided by the trials that solved their task" in agent_work(result()).lead
    assert rows()["trials solved"].startswith("2/6")
    assert rows()["wall time"] == "30.0 s (10.0 s a trial)"


def test_a_lane_is_decided_among_those_that_are_asked_its_tasks() -> None:
    agents, chat = result().recommendations
    assert [each.model for each in agents.eligibilities] == ["steady+codex"]
    assert [each.model for each in chat.eligibilities] == ["steady"]
    assert [[model.model for model in lane.models] for lane in lane_evidence(result())] == [
        ["steady+codex"], ["steady"],
    ]  # fmt: skip


def test_models_alone_and_models_with_an_agent_are_not_ranked_against_each_other() -> None:
    assert [(rank.rank, rank.models) for rank in result().ranks] == [(1, ("steady",)), (1, ("steady+codex",))]
    assert result().comparisons == ()
    assert {(cell.task, cell.model) for cell in result().cells} == {(CHAT, "steady"), (WORK, "steady+codex")}


def test_later_requests_of_an_agent_are_one_turn_with_a_value_for_each_trial() -> None:
    (cell,) = (cell for cell in result().cells if cell.task == WORK)
    assert [turn.turn for turn in cell.turns] == [0, 1]
    assert cell.turns[1].ttft_s is not None
    assert cell.turns[1].ttft_s.n <= len(ENDS)


def test_every_form_of_the_report_has_the_section_and_others_have_none() -> None:
    for rendered in (render_text(result()), render_html(result())):
        assert "What a solved task costs" in rendered
        assert "later requests" in rendered
    assert "turn_limit" in render_brief(result())
    assert "Agents" not in render_text(example_result())
