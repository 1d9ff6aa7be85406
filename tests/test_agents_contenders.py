"""Which models drive an agent, what they are called, and which tasks they are asked."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.agents import agent_tokens, contenders
from harness.config import Config, load_config
from harness.errors import ConfigError
from harness.run import match_contenders
from harness.run.plan import plan_so_far
from harness.summarize import Schedule, trials_planned
from harness.types import Model, RunSettings
from tests.samples import task_of

MODEL = """
[[models]]
label = "small"
server = "llama-server"
base_url = "http://127.0.0.1:8080/v1"
model = "m"
thinking = "off"
agent = {agent}
{more}
"""
CHAT, WORK = task_of("chat"), replace(task_of("work"), for_agents=True)


def config_of(folder: Path, agent: str, more: str = "") -> Config:
    path = folder / "bench.toml"
    path.write_text(MODEL.format(agent=agent, more=more))
    return load_config(path)


def problems_of(folder: Path, agent: str, more: str = "") -> list[str]:
    with pytest.raises(ConfigError) as caught:
        contenders(config_of(folder, agent, more))
    return [f"{problem.message} -> {problem.fix}" for problem in caught.value.problems]


def test_a_model_is_a_contender_alone_and_with_each_of_its_agents(tmp_path: Path) -> None:
    alone, codex, opencode = contenders(config_of(tmp_path, '["codex", "opencode"]'))
    assert [model.label for model in (alone, codex, opencode)] == ["small", "small+codex", "small+opencode"]
    assert (alone.agent, alone.api, alone.thinking) == (None, "chat", "off")
    # What an agent sends is not what the configuration says: nothing of it may stand in a result.
    assert (codex.agent, codex.api, codex.thinking, codex.sampling.temperature) == (
        "codex", "responses", "default", None,
    )  # fmt: skip
    assert codex.agent_version
    assert agent_tokens(codex) > agent_tokens(alone) == 0
    assert contenders(config_of(tmp_path, '"codex"')) == (alone, codex)


@pytest.mark.parametrize(
    ("agent", "more", "said"),
    [
        ('"codx"', "", "unknown agent 'codx'"),
        (f'"{"a" * 40}"', "", "agent: expected"),
        ('"codex"', MODEL.format(agent='"codex"', more="").replace('"small"', '"small+codex"'), "is the label of"),
    ],
)
def test_what_no_agent_can_do_is_said_before_the_run(tmp_path: Path, agent: str, more: str, said: str) -> None:
    assert said in "".join(problems_of(tmp_path, agent, more))


def test_an_agent_whose_api_the_server_lacks_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bench.toml"
    text = MODEL.format(agent='"codex"', more="").replace("llama-server", "mlx-lm")
    path.write_text(text.replace('thinking = "off"\n', ""))
    with pytest.raises(ConfigError, match=r"speaks the Responses API, which mlx_lm\.server is not known to have"):
        contenders(load_config(path))


def test_tasks_for_agents_are_asked_of_models_with_an_agent_and_the_others_of_models_alone(tmp_path: Path) -> None:
    alone, codex = contenders(config_of(tmp_path, '"codex"'))
    settings, schedule = RunSettings(trials=2, warmups=1, seed=1, passes=1), Schedule(2)
    assert {trials_planned(schedule, alone, CHAT), trials_planned(schedule, codex, WORK)} == {2}
    assert {trials_planned(schedule, alone, WORK), trials_planned(schedule, codex, CHAT)} == {0}
    planned = {model.label: plan_so_far(model, (CHAT, WORK), settings, schedule) for model in (alone, codex)}
    assert [(key.task, key.warmup) for key in planned["small"]] == [("chat", True), ("chat", False), ("chat", False)]
    assert [(key.task, key.warmup) for key in planned["small+codex"]] == [("work", False), ("work", False)]


def test_what_has_no_trial_in_a_run_is_left_out_and_told(tmp_path: Path) -> None:
    alone, codex = contenders(config_of(tmp_path, '"codex"'))
    assert match_contenders((alone, codex), (CHAT, WORK)) == ((alone, codex), (CHAT, WORK), ())
    models, tasks, notes = match_contenders((alone,), (CHAT, WORK))
    assert (models, tasks) == ((alone,), (CHAT,))
    assert notes == ("left out: 1 task for agents, since no model drives one",)
    models, tasks, notes = match_contenders((alone, codex), (CHAT,))
    assert (models, notes) == ((alone,), ("left out: small+codex, since none of these tasks is for it",))
    other = Model("other", "openai", "http://127.0.0.1:9/v1", "m")
    with pytest.raises(ConfigError, match="all of these tasks are for agents"):
        match_contenders((alone, other), (WORK,))
