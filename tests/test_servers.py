"""The server kinds that ship, every problem that a TOML file can have, and the requests of a kind."""

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from harness.apis import APIS, get_api
from harness.errors import ConfigError
from harness.schema import validate
from harness.servers import (
    ServerHandle,
    build_request_body,
    build_request_fields,
    endpoint_url,
    fill_body,
    find_request_problems,
    find_unapplied_settings,
    get_server_kind,
    is_ready,
    load_kinds,
    look_up,
    max_tokens_field,
    query_served_context,
    read_kind,
    read_kinds,
)
from harness.servers.load import FOLDER
from harness.types import Json, Model, ProbeFinding, Sampling
from tests.fake_server import FakeBehavior, respond_with, serve_fake

FILES = sorted(FOLDER.glob("*.toml"))
KINDS = [path.stem for path in FILES]
SWITCHABLE = [name for name in KINDS if get_server_kind(name).thinking.on is not None]


def a_model(thinking: str = "default", **changes: Json) -> Model:
    fields: dict[str, Json] = {
        "label": "a",
        "server": "llama-server",
        "base_url": "http://127.0.0.1:8080/v1",
        "model": "org/coder",
        "thinking": thinking,
    }
    return Model(**(fields | changes))


# --- the kinds that ship ----------------------------------------------------------------------------------------


def test_every_toml_file_of_the_folder_is_a_kind() -> None:
    assert list(load_kinds()) == KINDS
    assert len(KINDS) >= 13


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_kind_fits_its_schema(path: Path) -> None:
    assert validate("server", tomllib.loads(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_says_where_its_facts_come_from(name: str) -> None:
    text = (FOLDER / f"{name}.toml").read_text(encoding="utf-8")
    head = text.split("\ntitle =", 1)[0].splitlines()
    assert all(line.startswith("# ") for line in head)
    assert "Source" in " ".join(head)


@pytest.mark.parametrize("name", KINDS)
def test_the_facts_of_a_kind_are_consistent(name: str) -> None:
    kind = get_server_kind(name)
    assert kind.name == name
    assert 1024 <= kind.default_port <= 65535
    assert kind.stream.reasoning_keys
    assert kind.readiness.path.startswith("/")
    assert all(place.path.startswith("/") for place in kind.context.served_locations + kind.context.model_locations)
    if kind.context.overflow != "silent_truncation":
        assert (kind.context.overflow_markers == ()) == (kind.context.overflow == "unchecked")
    assert (kind.lifecycle.loaded_by == "api") == (
        kind.lifecycle.load is not None and kind.lifecycle.unload is not None
    )
    assert (kind.thinking.on is None) == (kind.thinking.off is None)


def test_only_of_the_generic_kind_no_switch_for_thinking_is_known() -> None:
    assert get_server_kind("openai").thinking.on is None
    assert len(SWITCHABLE) >= len(KINDS) - 1


@pytest.mark.parametrize("name", SWITCHABLE)
def test_thinking_on_and_off_have_different_request_fields(name: str) -> None:
    thinking = get_server_kind(name).thinking
    assert thinking.on
    assert thinking.off
    assert thinking.on != thinking.off
    assert not set(thinking.on) & set(get_server_kind(name).ignored_fields)


def test_early_role_chunks_are_listed_among_the_early_events() -> None:
    for kind in load_kinds().values():
        early = "role_chunk" in kind.stream.early_events
        assert early == (kind.stream.role_chunk in ("before_prefill", "any")), kind.name


def test_an_unknown_kind_is_reported_with_the_known_ones_and_the_nearest() -> None:
    with pytest.raises(ConfigError) as caught:
        get_server_kind("llama_sever")
    assert caught.value.problems[0].fix == "did you mean 'llama-server'?"
    assert all(name in str(caught.value) for name in KINDS)
    with pytest.raises(ConfigError) as caught:
        get_server_kind("zzz")
    assert caught.value.problems[0].fix == ""


# --- a TOML that is wrong ---------------------------------------------------------------------------------------


def a_toml(folder: Path, old: str, new: str) -> Path:
    text = (FOLDER / "llama-server.toml").read_text(encoding="utf-8")
    assert text.count(old) == 1
    path = folder / "mine.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('title = "llama-server"\n', "", ": $.title: required field is missing; add it: "),
        ("default_port = 8080", 'default_port = "8080"', ', line 4: $.default_port: expected integer, got "8080"'),
        ("default_port = 8080", "default_prot = 8080", "$.default_prot: unknown field; did you mean 'default_port'?"),
        ('reasoning_keys = ["reas', 'reasoning_key = ["reas', "$.stream.reasoning_key: unknown field"),
        ('tool_calls = "incremental"', 'tool_calls = "bits"', "$.stream.tool_calls: expected one of incremental, "),
        ('["comment"]', '["commend"]', "$.stream.early_events[0]: expected one of comment, "),
        (
            '"/v1/models", json_path = "data[].meta.n_ctx"',
            '"/v1/models", json_pth = "x"',
            "$.context.served_locations[1].json_pth: unknown field; did you mean 'json_path'?",
        ),
        ('title = "llama-server"', 'title = "x"\nname = "y"', "$.name: unknown field"),
        ('title = "llama-server"', "title = ", ": invalid TOML: "),
        ("[thinking]", "[thinkin]", "$.thinkin: unknown field; did you mean 'thinking'?"),
    ],
)
def test_a_problem_of_a_kind_names_its_file_and_its_key(tmp_path: Path, old: str, new: str, problem: str) -> None:
    path = a_toml(tmp_path, old, new)
    with pytest.raises(ConfigError) as caught:
        read_kind(path)
    texts = [f"{problem.message}; {problem.fix}" for problem in caught.value.problems]
    assert all(text.startswith(str(path)) for text in texts)
    assert any(problem in text for text in texts), texts


def test_the_problems_of_all_files_are_reported_at_once(tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text("title = 1\nhue = 2\n")
    (tmp_path / "two.toml").write_text("nonsense")
    with pytest.raises(ConfigError) as caught:
        read_kinds(tmp_path)
    files = {re.split("[:,]", problem.message)[0] for problem in caught.value.problems}
    assert files == {f"{tmp_path}/one.toml", f"{tmp_path}/two.toml"}


# --- requests ---------------------------------------------------------------------------------------------------


def test_all_sampling_settings_are_sent_except_none() -> None:
    assert build_request_fields(get_server_kind("openai"), a_model()) == {"temperature": 0.0, "top_p": 1.0}
    sampling = Sampling(temperature=0.7, top_k=20, seed=5)
    fields = build_request_fields(get_server_kind("openai"), a_model(sampling=sampling))
    assert fields == {"temperature": 0.7, "top_p": 1.0, "top_k": 20, "seed": 5}


def test_the_thinking_switch_is_the_kinds_own() -> None:
    assert build_request_fields(get_server_kind("ds4"), a_model("off"))["think"] is False
    assert build_request_fields(get_server_kind("ollama"), a_model("off"))["reasoning_effort"] == "none"
    assert build_request_fields(get_server_kind("mlx-lm"), a_model("on"))["chat_template_kwargs"] == {
        "enable_thinking": True
    }
    assert "chat_template_kwargs" not in build_request_fields(get_server_kind("mlx-lm"), a_model("default"))


def test_extra_fields_are_merged_with_the_switch_and_override_it() -> None:
    extra = {"chat_template_kwargs": {"budget": 5}, "cache_prompt": False, "temperature": 0.5}
    fields = build_request_fields(get_server_kind("llama-server"), a_model("on", extra=extra))
    assert fields["chat_template_kwargs"] == {"enable_thinking": True, "budget": 5}
    assert fields["cache_prompt"] is False
    assert fields["temperature"] == 0.5
    assert get_server_kind("llama-server").thinking.on == {"chat_template_kwargs": {"enable_thinking": True}}


def test_an_unknown_thinking_switch_is_a_problem_unless_extra_has_one() -> None:
    (key, problem), *others = find_request_problems(get_server_kind("openai"), a_model("off"))
    assert (key, others) == ("thinking", [])
    assert "turns thinking off on a openai server" in problem.message
    assert 'thinking = "default"' in problem.fix
    given = a_model("off", extra={"think": False})
    assert find_request_problems(get_server_kind("openai"), given) == ()
    assert build_request_fields(get_server_kind("openai"), given)["think"] is False


@pytest.mark.parametrize("extra", [{"repetition_penalty": 1.1}, {"top_k": 5, "user": "me"}])
def test_an_extra_field_that_switches_nothing_hides_no_missing_thinking_switch(extra: Json) -> None:
    found = find_request_problems(get_server_kind("openai"), a_model("off", extra=extra))
    assert [key for key, _ in found] == ["thinking"]


@pytest.mark.parametrize(
    ("api", "extra"),
    [
        ("chat", {"chat_template_kwargs": {"enable_thinking": False}}),
        ("chat", {"reasoning_effort": "none", "repetition_penalty": 1.1}),
        ("responses", {"reasoning": {"effort": "none"}}),
        ("messages", {"thinking": {"type": "disabled"}}),
    ],
)
def test_a_thinking_switch_of_any_kind_or_api_may_stand_in_extra(api: str, extra: Json) -> None:
    assert (
        find_request_problems(
            get_server_kind("ollama" if api != "chat" else "openai"), a_model("off", api=api, extra=extra)
        )
        == ()
    )


@pytest.mark.parametrize("api", APIS)
def test_extra_cannot_set_what_the_run_itself_sends(api: str) -> None:
    kind, model = get_server_kind("vllm"), a_model(api=api)
    messages = [{"role": role, "content": "text"} for role in ("system", "user")]
    sent = build_request_body(model, kind, messages, 5, disable_cache=False)
    settings = build_request_fields(kind, model)
    assert {"stream", max_tokens_field(kind, model), *get_api(api).fixed_fields} <= set(sent) - set(settings)
    for name in [*(set(sent) - set(settings)), "tools"]:
        ((key, problem),) = find_request_problems(kind, replace(model, extra={name: "other"}))
        assert (key, problem.fix) == (f"extra.{name}", "remove it")


def test_extra_cannot_ask_for_several_answers_of_which_one_is_read() -> None:
    model = a_model(extra={"n": 2})
    ((key, problem),) = find_request_problems(get_server_kind("vllm"), model)
    assert (key, problem.fix) == ("extra.n", "remove it")
    assert not find_request_problems(get_server_kind("vllm"), a_model(extra={"seed": 2}))


def test_extra_cannot_set_the_token_limit_by_another_name() -> None:
    model = a_model(extra={"max_completion_tokens": 5})
    assert [key for key, _ in find_request_problems(get_server_kind("mlx-lm"), model)] == [
        "extra.max_completion_tokens"
    ]


def test_fields_that_a_server_rejects_are_problems_at_their_keys() -> None:
    refusing = get_server_kind("transformers")
    model = a_model(sampling=Sampling(top_k=0), extra={"enable_thinking": True})
    assert [key for key, _ in find_request_problems(refusing, model)] == ["sampling.top_k", "extra.enable_thinking"]
    assert find_request_problems(refusing, a_model("on")) == ()


def test_settings_that_are_ignored_or_left_to_the_server_are_found_unless_decoding_is_greedy() -> None:
    llama, hot = get_server_kind("llama-server"), Sampling(temperature=0.7, seed=1)
    assert find_unapplied_settings(llama, a_model()) == ()
    assert find_unapplied_settings(llama, a_model(sampling=hot)) == (
        ProbeFinding("server_default_used", observed=["top_k", "min_p"]),
    )
    assert find_unapplied_settings(llama, a_model(sampling=hot, extra={"top_k": 5, "min_p": 0})) == ()
    assert find_unapplied_settings(get_server_kind("lm-studio"), a_model(sampling=hot)) == (
        ProbeFinding("ignored_by_server", observed=["seed"]),
    )


# --- where facts stand ------------------------------------------------------------------------------------------

MODELS = {"data": [{"id": "other", "meta": {"n_ctx": 1}}, {"id": "org/coder", "meta": {"n_ctx": 2}}]}


@pytest.mark.parametrize(
    ("document", "at", "value"),
    [
        (MODELS, "data[].meta.n_ctx", 2),
        ({"data": [{"id": "/a/file", "max_model_len": 9}]}, "data[].max_model_len", 9),
        ({"data": [{"id": "x"}, {"id": "y"}]}, "data[].max_model_len", None),
        ({"data": []}, "data[].max_model_len", None),
        ({"data": {}}, "data[].max_model_len", None),
        ({"models": [{"key": "org/coder", "loaded": [{"n": 7}]}]}, "models[].loaded[0].n", 7),
        ({"info": {"qwen3.context_length": 7, "general.name": "x"}}, "info.~context_length", 7),
        ({"info": {"a.context_length": 7, "b.context_length": 8}}, "info.~context_length", None),
        ({"models": [{"key": "org/coder", "loaded": []}]}, "models[].loaded[0].n", None),
        ({"default_generation_settings": {"n_ctx": 5}}, "default_generation_settings.n_ctx", 5),
        ({"data": [{"id": "x", "aliases": 5}, {"id": "y", "aliases": ["org/coder"], "n": 2}]}, "data[].n", 2),
        ({"data": [{"id": "x", "aliases": "my-org/coder-7b", "n": 1}, {"id": "y"}]}, "data[].n", None),
        ([1], "version", None),
        (None, "version", None),
        ("text", "version", None),
    ],
)
def test_a_value_is_looked_up_by_its_json_path_or_is_none(document: Json, at: str, value: Json) -> None:
    assert look_up(document, at, "org/coder") == value


@pytest.mark.parametrize(
    ("row", "value"),
    [
        ({"id": "other", "n": 1}, None),
        ({"key": "other", "n": 1}, None),
        ({"id": "org/coder", "n": 1}, 1),
        ({"model": "org/coder:latest", "n": 1}, 1),
        ({"n": 1}, 1),
        (1, None),
    ],
)
def test_the_only_row_of_a_server_of_many_models_is_not_taken_for_another_model(row: Json, value: Json) -> None:
    assert look_up({"rows": [row]}, "rows[].n", "org/coder", named_only=True) == value
    assert look_up({"rows": [row]}, "rows[].n", "", named_only=True) == (None if row == 1 else 1)


@pytest.mark.parametrize(
    ("kind", "path", "listed"),
    [
        ("ollama", "/api/ps", {"models": [{"model": "other:7b", "context_length": 2048}]}),
        (
            "lm-studio",
            "/api/v1/models",
            {"models": [{"key": "other", "loaded_instances": [{"config": {"context_length": 2048}}], "size_bytes": 9}]},
        ),
        (
            "llama-router",
            "/models",
            {"data": [{"id": "other", "status": {"value": "loaded"}, "meta": {"n_ctx": 2048}}]},
        ),
    ],
)
def test_the_facts_of_another_loaded_model_are_not_those_of_the_model(kind: str, path: str, listed: Json) -> None:
    with serve_fake(FakeBehavior(), {f"GET {path}": respond_with(listed)}) as fake:
        mine = ServerHandle(a_model(server=kind, base_url=fake.base_url), get_server_kind(kind))
        assert query_served_context(mine) is None
        assert kind == "ollama" or not is_ready(mine)


def test_a_load_that_failed_for_another_model_is_no_failure_of_this_one() -> None:
    row = {"id": "other", "status": {"value": "unloaded", "failed": True}}
    with serve_fake(FakeBehavior(), {"GET /models": respond_with({"data": [row]})}) as fake:
        assert not is_ready(ServerHandle(a_model(base_url=fake.base_url), get_server_kind("llama-router")))


@pytest.mark.parametrize(
    ("base_url", "path", "url"),
    [
        ("http://127.0.0.1:1234/v1", "/health", "http://127.0.0.1:1234/health"),
        ("http://127.0.0.1:1234/v1/", "/v1/models", "http://127.0.0.1:1234/v1/models"),
        ("http://mac:1234", "/props", "http://mac:1234/props"),
        ("https://far/proxy/v1", "/props", "https://far/proxy/props"),
        ("http://mac:1234/v1", "/v1/models/{model}/load", "http://mac:1234/v1/models/org%2Fcoder/load"),
    ],
)
def test_a_path_is_below_the_servers_root(base_url: str, path: str, url: str) -> None:
    assert endpoint_url(a_model(base_url=base_url), path) == url


def test_the_model_id_is_filled_into_a_call() -> None:
    load = get_server_kind("ollama").lifecycle.load
    assert load is not None
    assert fill_body(load, a_model()) == {"model": "org/coder", "keep_alive": -1}
