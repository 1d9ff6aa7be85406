"""Probing servers that keep to their kind's TOML and servers that do not, and what captured streams show."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.cli import probe as command
from harness.errors import ConfigError, ServerError
from harness.record import Client
from harness.servers import get_server_kind
from harness.servers.probe import observe, probe
from harness.servers.probe.context_cap import cap_in, plan_long
from harness.servers.query import ServerHandle
from harness.types import Model, ProbeFinding, ProbeReport
from tests.pretend import Manners, Route, answers_with, pretending
from tests.wire import DONE, END, MS, chunk, load_reads, make_recording, text_chunk, unframe

TRACES = Path(__file__).parent / "data" / "traces"
LLAMA: Mapping[str, Route] = {
    "GET /v1/models": answers_with({"data": [{"id": "m", "meta": {"n_ctx": 4096, "n_ctx_train": 32768}}]}),
    "GET /props": answers_with({"build_info": "b7", "default_generation_settings": {"n_ctx": 4096}}),
    "GET /health": answers_with({"status": "ok"}),
}


def a_handle(client: Client, base_url: str, model: str = "m", api_key: str | None = None) -> ServerHandle:
    kind = "llama-server"
    return ServerHandle(client, Model("p", kind, base_url, model), get_server_kind(kind), api_key)


def probed(manners: Manners, kind: str = "llama-server", *, model: str = "m", long: bool = True) -> ProbeReport:
    with pretending(manners, LLAMA) as server, Client() as client:
        return probe(ServerHandle(client, Model("p", kind, server.base_url, model), get_server_kind(kind)), long=long)


def by_name(report: ProbeReport) -> dict[str, ProbeFinding]:
    return {one.name: one for one in report.findings}


@pytest.fixture(scope="module")
def faithful() -> ProbeReport:
    return probed(Manners())


@pytest.fixture(scope="module")
def contrary() -> ProbeReport:
    return probed(
        Manners(
            overflow="error_in_200",
            reads_switch=False,
            reads_seed=False,
            reads_top_k=False,
            tells_cached=False,
            reasoning_key="reasoning",
            early_role=True,
            usage_on_finish=True,
            says_done=False,
            tells_speeds=False,
        )
    )


def test_nothing_differs_for_a_server_that_keeps_to_its_kind(faithful: ProbeReport) -> None:
    assert [one.name for one in faithful.findings if one.agrees is False] == []
    found = by_name(faithful)
    assert found["thinking_on_works"].live is True
    assert found["thinking_off_works"].live is True
    assert found["reasoning_keys"].live == ["reasoning_content"]
    assert found["temperature_0_repeats"].live is True
    assert found["reads_seed"].live is True
    assert found["reads_top_k"].live is True


def test_version_models_and_every_context_are_told(faithful: ProbeReport) -> None:
    assert (faithful.version, faithful.models, faithful.model) == ("b7", ("m",), "m")
    assert (faithful.context_reported, faithful.context_model, faithful.context_probed) == (4096, 32768, 4096)


def test_the_cache_is_seen_to_hold_and_to_be_defeated(faithful: ProbeReport) -> None:
    found = by_name(faithful)
    assert found["cache_holds"].live is True
    assert found["nonce_defeats_cache"].live is True


def test_a_cache_that_is_not_told_is_seen_by_the_time_to_the_first_token(contrary: ProbeReport) -> None:
    found = by_name(contrary)
    assert found["cache_holds"].live is True
    assert "TTFT" in (found["cache_holds"].note or "")


def test_a_server_without_a_cache_holds_none() -> None:
    found = by_name(probed(Manners(caches=False), long=False))
    assert found["cache_holds"].live is False


def test_whatever_differs_from_the_toml_is_said(contrary: ProbeReport) -> None:
    differ = {one.name for one in contrary.findings if one.agrees is False}
    assert differ == {
        "early_events",
        "role_chunk",
        "reasoning_keys",
        "usage",
        "done",
        "cached_tokens_told",
        "own_speeds_told",
        "thinking_off_works",
        "too_long_prompt",
    }
    found = by_name(contrary)
    assert found["reads_seed"].live is False
    assert found["reads_top_k"].live is False
    assert found["too_long_prompt"].live == "error_in_200"


def test_a_silent_cut_is_known_by_the_tokens_that_the_server_counted() -> None:
    report = probed(Manners(overflow="silent_truncation"))
    found = by_name(report)
    assert found["too_long_prompt"].live == "silent_truncation"
    assert found["too_long_prompt"].agrees is False
    assert report.context_probed == 4096


def test_a_probe_never_needs_more_than_ten_short_requests_and_a_long_one() -> None:
    with pretending(Manners(), LLAMA) as server, Client() as client:
        report = probe(a_handle(client, server.base_url))
    assert len(server.bodies) == 11
    assert (report.short_requests, report.long_requests) == (10, 1)
    assert sorted(len(json.dumps(body)) > 12_000 for body in server.bodies) == [False] * 10 + [True]


def test_a_kind_without_a_known_switch_is_asked_fewer_questions() -> None:
    report = probed(Manners(), "openai", long=False)
    assert (report.short_requests, report.long_requests) == (8, 0)
    assert by_name(report)["thinking_switch"].live is None


def test_a_kind_that_nobody_checks_is_never_sent_more_than_is_harmless() -> None:
    prompt = plan_long(get_server_kind("mlx-lm"), None, None)
    assert (prompt.beyond, prompt.tokens) == (False, 8000)


def test_a_kind_that_checks_is_sent_more_than_it_serves() -> None:
    prompt = plan_long(get_server_kind("llama-server"), 32_768, None)
    assert prompt.beyond
    assert prompt.tokens > 32_768


@pytest.mark.parametrize(
    ("text", "cap"),
    [
        ('{"error": {"n_prompt_tokens": 9, "n_ctx": 4096}}', 4096),
        ("This model's maximum context length is 16384 tokens", 16384),
        ("the prompt exceeds the available context size (40960 tokens)", 40960),
        ("Prompt exceeds max context window of 32768 tokens", 32768),
        ("something else went wrong at 12:30", None),
    ],
)
def test_the_cap_is_read_out_of_an_error(text: str, cap: int | None) -> None:
    assert cap_in(text) == cap


def test_a_server_that_lists_several_models_needs_to_be_told_which() -> None:
    routes = {**LLAMA, "GET /v1/models": answers_with({"data": [{"id": "a"}, {"id": "b"}]})}
    with pretending(Manners(), routes) as server, Client() as client:
        asked = a_handle(client, server.base_url, "")
        with pytest.raises(ServerError, match="--model: it lists a, b"):
            probe(asked)


def test_a_question_that_is_refused_is_named_with_the_servers_words() -> None:
    with pretending(Manners(refuses="top_k"), LLAMA) as server, Client() as client:
        asked = a_handle(client, server.base_url)
        found = by_name(probe(asked, long=False))
    assert found["refused_questions"].live == ["top-k"]
    assert found["refused_questions"].note == "top-k: top_k is not allowed"
    assert found["reads_top_k"].live is None


def test_a_server_that_refuses_the_first_question_ends_the_probe_with_its_words() -> None:
    with pytest.raises(ServerError, match="the first request failed: the request"):
        probed(Manners(context=10))


def test_a_key_that_is_wrong_is_named_as_such() -> None:
    with pretending(Manners(key="secret"), LLAMA) as server, Client() as client:
        asked = a_handle(client, server.base_url, api_key="other")
        with pytest.raises(ServerError, match="refuses the key"):
            probe(asked)


def test_nobody_there_is_one_line() -> None:
    with Client() as client:
        asked = a_handle(client, "http://127.0.0.1:9/v1")
        with pytest.raises(ServerError, match="start the server, or correct base_url"):
            probe(asked)


# --- captured streams -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("server", ["llama-server", "mlx-lm", "transformers", "vllm"])
def test_captured_streams_of_a_kind_agree_with_its_toml(server: str) -> None:
    names = ("code", "think", "unicode", "parallel", "long")
    paths = [TRACES / f"{server}--{name}.jsonl.gz" for name in names]
    recordings = [unframe(load_reads(path)) for path in paths if path.exists()]
    found = {one.name: one for one in observe(recordings, get_server_kind(server))}
    # vLLM tells cached tokens with a flag of the server only, which this capture did not have.
    allowed = {"cached_tokens_told"} if server == "vllm" else set()
    assert {name for name, one in found.items() if one.agrees is False} == allowed
    assert found["reasoning_keys"].agrees is True


def test_captured_streams_of_another_kind_do_not_agree() -> None:
    recordings = [unframe(load_reads(TRACES / f"transformers--{name}.jsonl.gz")) for name in ("code", "think")]
    differ = {one.name for one in observe(recordings, get_server_kind("llama-server")) if one.agrees is False}
    assert {"done", "usage", "cached_tokens_told"} <= differ


def test_a_mark_that_is_generated_unseen_is_not_taken_for_a_prefill() -> None:
    # Twelve tokens of 10 ms, an opening mark among them, between the role and the first that is seen.
    role = chunk({"role": "assistant", "content": None})
    words = [(220 * MS + at * 10 * MS, text_chunk("word ")) for at in range(20)]
    reads = [(100 * MS, role), *words, (500 * MS, END), (501 * MS, DONE)]
    found = {one.name: one for one in observe([make_recording(reads)], get_server_kind("llama-server"))}
    assert found["role_chunk"].live == "with_first_token"
    slow = [(at_ns + 400 * MS if at_ns > 100 * MS else at_ns, data) for at_ns, data in reads]
    found = {one.name: one for one in observe([make_recording(slow)], get_server_kind("llama-server"))}
    assert found["role_chunk"].live == "before_prefill"


def test_replies_that_broke_off_show_nothing() -> None:
    assert {one.live for one in observe([], get_server_kind("vllm")) if one.name == "done"} == {None}


# --- the command ------------------------------------------------------------------------------------------------


def _args(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.options(parser)
    return parser.parse_args(words)


def test_the_command_prints_a_table_that_names_what_differs(capsys: pytest.CaptureFixture[str]) -> None:
    with pretending(Manners(says_done=False), LLAMA) as server:
        assert command.run(_args("--server", "llama-server", "--base-url", server.base_url, "--no-long")) == 0
    out = capsys.readouterr().out
    assert "1 differ from harness/servers/llama-server.toml: done (10 short and 0 long requests)" in out
    assert "context of the model  32768" in out


def test_the_command_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    with pretending(Manners(), LLAMA) as server:
        command.run(_args("--server", "llama-server", "--base-url", server.base_url, "--json"))
    document = json.loads(capsys.readouterr().out)
    assert document["context_probed"] == 4096
    assert {one["name"] for one in document["findings"]} >= {"reasoning_keys", "too_long_prompt"}


def test_the_command_takes_its_key_from_the_environment_only() -> None:
    with pytest.raises(ConfigError, match="LANEBENCH_NO_SUCH_KEY: the environment variable is not set") as caught:
        command.run(
            _args("--server", "openai", "--base-url", "http://127.0.0.1:9/v1", "--key-env", "LANEBENCH_NO_SUCH_KEY")
        )
    assert caught.value.fix == "export LANEBENCH_NO_SUCH_KEY first"


def test_the_command_names_the_kinds_that_there_are() -> None:
    with pytest.raises(ConfigError, match="known are ds4"):
        command.run(_args("--server", "lama", "--base-url", "http://127.0.0.1:9/v1"))
