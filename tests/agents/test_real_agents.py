"""Each agent solves three tasks, from the configuration to a verified result."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.agents import installed_image, load_agents
from harness.agents.scripted import MODEL, ScriptedModel, scripted_server
from harness.cli import main
from harness.sandbox import ensure_engine
from harness.tasks import find_fixtures, load_tasks, vary
from harness.trees import apply_patch
from harness.types import Task

TASKS = ("agent-failing-test", "agent-feature", "agent-comment")
"""In Python, JavaScript and Go."""
CONFIG = """
[run]
trials = 1
idle_s = 0.0
agent_clock_s = 1200.0
tasks = {tasks}
[[models]]
label = "m"
server = "openai"
base_url = "{base_url}"
model = "{model}"
context_tokens = 131072
agent = "{agent}"
"""


def work_of(tasks: tuple[Task, ...]) -> Mapping[str, Mapping[str, str]]:
    """The files that each task's solution changes, by the beginning of its prompt."""
    work: dict[str, Mapping[str, str]] = {}
    for task in tasks:
        variant = vary(task, 0)
        after = apply_patch(variant.files, variant.solution[0].removesuffix("\n") + "\n").files
        assert set(variant.files) <= set(after), f"{task.name}: its solution deletes a file, which no script does"
        changed = {path: text for path, text in after.items() if variant.files.get(path) != text}
        work[variant.turns[0].strip().splitlines()[0]] = changed
    return work


@pytest.mark.parametrize("name", list(load_agents()))
def test_an_agent_solves_three_tasks_and_its_result_is_verified(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    agent, engine = load_agents()[name], ensure_engine(print)
    is_installed = installed_image(engine, agent) is not None
    engine.close()
    assert is_installed, f"install it: lanebench agents install {name}"
    tasks = tuple(load_tasks([find_fixtures()], names=list(TASKS)))
    with scripted_server(ScriptedModel(agent.action, work_of(tasks))) as base_url:
        config = tmp_path / "bench.toml"
        config.write_text(CONFIG.format(tasks=json.dumps(TASKS), base_url=base_url, model=MODEL, agent=name))
        exit_code = main(["bench", "--config", str(config), "--results", str(tmp_path / "results"), "--full"])
    (run,) = (tmp_path / "results").iterdir()
    trials = json.loads((run / "result.json").read_text())["trials"]
    ends = {trial["task"]: (trial["outcome"], trial["work"]["end"]) for trial in trials}
    assert (exit_code, ends) == (0, dict.fromkeys(TASKS, ("passed", "exited")))
    assert f"m+{name}" in capsys.readouterr().out
    assert main(["verify", str(run)]) == 0
