"""The scripted model, and the check of an agent against it: agents of a few lines of Python in a real container."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.agents import AgentCheck, AgentPackage, AgentSpec, check_agent, installed_image, read_agent, ready_image
from harness.agents.catalog import ScriptedAction
from harness.agents.image import keep_package
from harness.agents.scripted import ScriptedModel, scripted_server
from harness.apis import APIS, get_api
from harness.errors import ConfigError
from harness.read import read
from harness.record import Client, TurnRequest, record
from harness.sandbox import Engine, ensure_engine, owner_labels
from harness.types import AgentLimits, Json
from tests.reference import KEY, LONG_TIMEOUTS

ACTION = ScriptedAction("bash", {"argv": ["sh", "-c", "{command}"]}, finish="exit")
TOOLS: Json = [{"type": "function", "function": {"name": "bash"}}]
AGENT = """
import json, subprocess, sys, time, urllib.request
def ask(messages, **fields):
    body = {"model": sys.argv[2], "messages": messages, **fields}
    request = urllib.request.Request(sys.argv[1] + "/chat/completions", json.dumps(body).encode())
    return json.load(urllib.request.urlopen(request))["choices"][0]["message"]
def work(tools, messages):
    while calls := (reply := ask(messages, tools=tools)).get("tool_calls"):
        command = json.loads(calls[0]["function"]["arguments"])["command"]
        output = subprocess.run(command, shell=True, capture_output=True, text=True).stdout
        messages += [reply, {"role": "tool", "tool_call_id": calls[0]["id"], "content": output}]
        open("/home/agent/log", "a").write(command)
BASH = [{"type": "function", "function": {"name": "bash", "parameters": {}}}]
START = [{"role": "user", "content": sys.argv[3]}]
"""


def texts_of(model: ScriptedModel, requests: int, tools: Json = TOOLS, prompt: str = 'Do it: "ä"!') -> list[Json]:
    replies = (model.reply({"tools": tools, "messages": [{"content": prompt}]}) for _ in range(requests))
    return [reply.arguments["argv"][2] if reply.arguments else reply.text for reply in replies]


def test_the_model_reads_and_writes_each_file_then_ends() -> None:
    model = ScriptedModel(ACTION, {'it: "ä"': {"a/b c.py": "it's\n"}})
    expected = ["cat 'a/b c.py'", "mkdir -p a && printf %s 'it'\"'\"'s\n' > 'a/b c.py'", "exit", "Done."]
    assert texts_of(model, 4) == expected


def test_a_request_without_the_declared_tool_takes_no_step() -> None:
    model = ScriptedModel(ACTION, {"Do": {"a": "1"}})
    assert texts_of(model, 1, None) + texts_of(model, 1, [{"type": "custom", "name": "other"}]) == ["Done.", "Done."]
    assert (sum(model.acted.values()), model.missing_tools) == (0, ("other",))
    assert texts_of(model, 1) == ["cat a"]


def test_each_task_has_its_own_steps() -> None:
    model = ScriptedModel(ACTION, {"Do": {"a": "1"}, "Mend": {"b": "2"}})
    assert [texts_of(model, 1, prompt=prompt) for prompt in ("Mend", "Do", "Other")] == [
        ["cat b"],
        ["cat a"],
        ["Done."],
    ]


def test_an_agent_without_tools_gets_all_edits_as_one_text_and_once_more_if_it_asks_again() -> None:
    model = ScriptedModel(ScriptedAction(edit="{path}:{content};"), {"Do": {"a": "{path}", "b": "2"}})
    assert texts_of(model, 3, None) == ["a:{path};b:2;", "a:{path};b:2;", "Done."]


@pytest.mark.parametrize("api", APIS)
def test_a_streamed_reply_is_read_back_over_every_api(api: str) -> None:
    with scripted_server(ScriptedModel(ACTION, {"Do": {"a": "1"}})) as base_url, Client(LONG_TIMEOUTS) as client:
        request = TurnRequest(
            KEY, 0, 0, get_api(api).url(base_url), {"model": "m", "stream": True, "tools": TOOLS, "input": "Do"}
        )
        call, end = (read(record(client, replace(request, body=body))) for body in (request.body, {"stream": True}))
    assert [(found.name, json.loads(found.arguments)) for found in call.tool_calls] == [
        ("bash", {"argv": ["sh", "-c", "cat a"]})
    ]
    assert (end.content, end.tool_calls) == ("Done.", ())
    assert call.usage is not None
    assert 0 < (call.usage.completion_tokens or 0) < 30 > (call.usage.prompt_tokens or 0) > 0


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = ensure_engine(print)
    yield engine
    engine.close()


def check(engine: Engine, folder: Path, code: str, limits: AgentLimits | None = None) -> AgentCheck:
    command = ["python3", "/home/agent/agent.py", "{base_url}", "{model}", "{prompt}"]
    action = 'action = { tool = "bash", arguments = { command = "{command}" } }'
    head = f'title = "Fake"\napi = "chat"\ncontext_tokens = 100\ntranscript = "/home/agent/log"\n{action}\n'
    path = folder / "fake.toml"
    path.write_text(
        f'{head}command = {json.dumps(command)}\n[files]\n"/home/agent/agent.py" = {json.dumps(AGENT + code)}\n'
    )
    agent = read_agent(path)
    with owner_labels("test-agents-check") as labels:
        return check_agent(engine, ready_image(engine, agent, print), labels, agent, limits)


@pytest.mark.engine
def test_an_agent_that_works_passes_and_a_change_of_its_prefix_is_noted(engine: Engine, tmp_path: Path) -> None:
    code = """
messages = [{"role": "system", "content": "at 09:00"}, *START]
work(BASH, messages)
messages[0]["content"] = "at 09:01"
ask([*messages, {"role": "assistant", "content": "Done."}, {"role": "user", "content": "Sure?"}])
"""
    found = {finding.name: finding for finding in check(engine, tmp_path, code).findings}
    assert [name for name, finding in found.items() if not finding.is_held] == ["keeps its prefix"]
    assert found["keeps its prefix"].is_optional
    assert "09:01" in found["keeps its prefix"].detail


@pytest.mark.engine
def test_an_agent_that_exits_with_0_and_did_nothing_does_not_pass(engine: Engine, tmp_path: Path) -> None:
    idle = check(engine, tmp_path, 'print("all done")')
    assert [finding.name for finding in idle.failures][:2] == ["asks the model", "offers the tool bash"]
    assert "ends by itself" not in {finding.name for finding in idle.failures}


@pytest.mark.engine
def test_an_agent_that_hangs_in_a_question_does_not_pass_and_the_question_is_shown(
    engine: Engine, tmp_path: Path
) -> None:
    # A limit of requests ends it in place of the clock: at the same point on any machine.
    code = 'print("Proceed? [y/n]", flush=True)\nwhile True: ask(START, tools=[{"name": "other"}])'
    found = {finding.name: finding.detail for finding in check(engine, tmp_path, code, AgentLimits(turns=1)).failures}
    assert found["offers the tool bash"] == "it offers: other"
    assert found["ends by itself"].startswith("it was ended: turns")
    assert found["ends by itself"].endswith("Proceed? [y/n]")


@pytest.mark.engine
def test_an_agent_that_is_not_installed_is_refused_by_its_version(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "nowhere.toml"
    package = 'registry = "npm"\nname = "nowhere"\nversion = "9.9"\nlicense = "MIT"'
    digest = f'digests = {{ any = "sha256:{"0" * 64}" }}'
    path.write_text(f'title = "No"\napi = "chat"\ncommand = ["no"]\n[package]\n{package}\n{digest}\n')
    agent: AgentSpec = read_agent(path)
    with pytest.raises(ConfigError, match=r"nowhere 9\.9 is not installed"):
        ready_image(engine, agent, print)


@pytest.mark.engine
def test_a_package_that_was_kept_once_is_ready_on_whatever_base_the_kit_has(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "program").write_text("#!/bin/sh\n")
    package = AgentPackage("npm", "lanebench-test", "1.0", "MIT")
    agent = AgentSpec("lanebench-test", "Test", "chat", ("true",), package, lock="{}")
    newer, images = replace(agent, package=replace(package, version="1.1")), list[str]()
    try:
        keep_package(engine, agent, tmp_path / "files", print)
        images += [installed_image(engine, agent) or "", ready_image(engine, agent, print)]
        assert ready_image(engine, agent, print) == images[1] != images[0]
        with pytest.raises(ConfigError, match=r"lanebench-test 1\.1 is not installed; installed is 1\.0"):
            ready_image(engine, newer, print)
    finally:
        for image in reversed(images):
            engine.api.remove_image(image)
