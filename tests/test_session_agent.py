"""The requests of an agent's trial: their tool calls, their time, and the trial as a trajectory in ATIF."""

import json

from harness.session import summarize_trial, trajectory_name, write_trajectory
from harness.types import AgentLimits, AgentWork, Chunk, Json, Recording, TrialKey

KEY = TrialKey("m+codex", "agent-task", 0)
SECOND = 1_000_000_000
TOOLS: list[Json] = [{"type": "function", "function": {"name": "bash", "parameters": {"type": "object"}}}]
ASKED: list[Json] = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Mend it."}]


def reply(turn: int, messages: list[Json], delta: Json, finish: str = "tool_calls") -> Recording:
    """A request and its streamed reply: it begins 4 s after the one before, prefill and decode take a second each."""
    documents: list[Json] = [
        {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": finish}],
         "usage": {"prompt_tokens": 100 * (turn + 1), "completion_tokens": 9,
                   "prompt_tokens_details": {"cached_tokens": 100 * turn}}},
    ]  # fmt: skip
    texts = [*(f"data: {json.dumps(each)}" for each in documents), "data: [DONE]"]
    chunks = tuple(Chunk((at + 1) * SECOND // (1 + at // 2), f"{text}\n\n".encode()) for at, text in enumerate(texts))
    return Recording(
        KEY, turn, 0, f"2026-11-27T09:00:{4 * turn:02}.000+00:00", (10 + 4 * turn) * SECOND,
        "http://127.0.0.1:9/v1/chat/completions", {"model": "m", "messages": messages, "tools": TOOLS}, 200, {},
        SECOND // 2, tuple(sorted(chunks, key=lambda chunk: chunk.at_ns)), "complete", 2 * SECOND, last_turn=False,
    )  # fmt: skip


def call(name: str, arguments: str, call_id: str) -> Json:
    return {"tool_calls": [{"index": 0, "id": call_id, "type": "function",
                            "function": {"name": name, "arguments": arguments}}]}  # fmt: skip


def trial() -> list[Recording]:
    """Two calls, one of them of no tool that there is and with broken arguments, then a last word."""
    first, second = call("bash", '{"command": "ls"}', "c1"), call("edit", "{broken", "c2")
    after_first = [*ASKED, {"role": "assistant", "content": "", **first}, _result("c1", "a.py")]
    after_second = [*after_first, {"role": "assistant", "content": "", **second}, _result("c2", "no such tool")]
    work = AgentWork("exited", 0, "a patch", 1.0, 0, 0, (), AgentLimits())
    last = Recording(
        KEY, 3, 0, "2026-11-27T09:00:00.000+00:00", 9 * SECOND, "http://127.0.0.1:9/v1/chat/completions", {}, None, {},
        None, (), "complete", 20 * SECOND, work=work,
    )  # fmt: skip
    return [
        reply(0, ASKED, first),
        reply(1, after_first, second),
        reply(2, after_second, {"content": "Done."}, "stop"),
        last,
    ]


def _result(call_id: str, text: str) -> Json:
    return {"role": "tool", "tool_call_id": call_id, "content": text}


def test_time_calls_and_cache_of_a_trial_are_those_of_its_requests() -> None:
    session = summarize_trial(trial())
    assert (session.calls, session.malformed_calls, session.unknown_calls) == (2, 1, 1)
    # Two gaps of 2 s between a reply and the request that brings the tool's result.
    assert (session.prefill_s, session.decode_s, session.tool_s) == (3.0, 3.0, 4.0)
    assert [(each.turn, each.state, each.cached_tokens) for each in session.cache] == [
        (0, "new", 0), (1, "hit", 100), (2, "hit", 200),
    ]  # fmt: skip


def test_a_trial_is_a_trajectory_whose_observations_name_the_calls_that_they_answer() -> None:
    found = write_trajectory(trial(), "codex", "0.171.0")
    assert (found["schema_version"], found["session_id"]) == ("ATIF-v1.4", "m+codex/agent-task/0")
    assert found["agent"] == {"name": "codex", "version": "0.171.0", "model_name": "m"}
    steps = found["steps"]
    assert [(step["step_id"], step["source"], step["message"]) for step in steps] == [
        (1, "system", "Be brief."), (2, "user", "Mend it."), (3, "agent", ""), (4, "agent", ""), (5, "agent", "Done."),
    ]  # fmt: skip
    assert steps[2]["tool_calls"] == [{"tool_call_id": "c1", "function_name": "bash", "arguments": {"command": "ls"}}]
    assert steps[2]["observation"] == {"results": [{"source_call_id": "c1", "content": "a.py"}]}
    assert steps[3]["tool_calls"][0]["arguments"] == {"text": "{broken"}
    assert steps[3]["metrics"] == {"prompt_tokens": 200, "completion_tokens": 9, "cached_tokens": 100}
    assert found["final_metrics"] == {
        "total_prompt_tokens": 600, "total_completion_tokens": 27, "total_cached_tokens": 300, "total_steps": 5,
    }  # fmt: skip
    assert found["extra"] == {"end": "exited", "exit_code": 0, "patch": "a patch"}


def test_two_trials_have_two_files_whatever_models_and_tasks_are_called() -> None:
    keys = [TrialKey("a-b", "c", 0), TrialKey("a", "b-c", 0), TrialKey("a", "b", 10), TrialKey("a", "b-1", 0)]
    assert len({trajectory_name(key) for key in keys}) == len(keys)


def test_a_trajectory_of_a_server_that_repeats_ids_and_a_person_who_repeats_words() -> None:
    messages, turns = list(ASKED), list[Recording]()
    for number in range(3):
        asked = call("bash", json.dumps({"n": number}), "call_0")
        turns.append(reply(number, list(messages), asked))
        messages += [{"role": "assistant", "content": "", **asked}, _result("call_0", f"result {number}")]
    messages += [{"role": "assistant", "content": "Done."}, ASKED[1]]
    turns.append(reply(3, messages, {"content": "Again."}, "stop"))
    steps = write_trajectory(turns, "codex", "0.171.0")["steps"]
    results = [step["observation"]["results"] for step in steps if "observation" in step]
    assert results == [[{"source_call_id": "call_0", "content": f"result {number}"}] for number in range(3)]
    assert [step["message"] for step in steps if step["source"] == "user"] == ["Mend it.", "Mend it."]


def test_a_trajectory_keeps_sub_agents_and_parallel_calls_apart() -> None:
    """A sub-agent, whose call has an id of its parent's, too, works before the parent's results come."""
    asked = call("bash", "{}", "call_0")
    both: Json = {"tool_calls": [*asked["tool_calls"], {**asked["tool_calls"][0], "index": 1, "id": "call_1"}]}
    other = [{"role": "system", "content": "Explore."}, {"role": "user", "content": "Look around."}]
    explored = [*other, {"role": "assistant", "content": "", **asked}, _result("call_0", "seen")]
    results = [_result("call_1", "b"), _result("call_0", "a")]
    turns = [
        reply(0, ASKED, both),
        reply(1, other, asked),
        reply(2, explored, {"content": "Ok."}, "stop"),
        reply(3, [*ASKED, {"role": "assistant", "content": "", **both}, *results], {"content": "Done."}, "stop"),
    ]
    steps = write_trajectory(turns, "codex", "0.171.0")["steps"]
    found = [[each["content"] for each in step["observation"]["results"]] for step in steps if "observation" in step]
    assert found == [["a", "b"], ["seen"]]
