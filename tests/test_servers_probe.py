"""Probing fake servers that conform to their kind's TOML file and others that do not, and captured streams."""

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from harness.cli import probe as command
from harness.errors import ConfigError, ServerError
from harness.servers import get_server_kind
from harness.servers.probe import observe, probe
from harness.servers.probe.context_cap import cap_in_error, plan_long_prompt
from harness.servers.query import ServerHandle
from harness.types import Model, ProbeFinding, ProbeReport
from tests.fake_server import FakeBehavior, Route, respond_with, serve_fake
from tests.wire import DONE, END, MS, chunk, event, load_reads, make_recording, text_chunk, unframe

TRACES = Path(__file__).parent / "data" / "traces"
LLAMA: Mapping[str, Route] = {
    "GET /v1/models": respond_with({"data": [{"id": "m", "meta": {"n_ctx": 4096, "n_ctx_train": 32768}}]}),
    "GET /props": respond_with({"build_info": "b7", "default_generation_settings": {"n_ctx": 4096}}),
    "GET /health": respond_with({"status": "ok"}),
}


def a_handle(base_url: str, model: str = "m", api_key: str | None = None) -> ServerHandle:
    kind = "llama-server"
    return ServerHandle(Model("p", kind, base_url, model), get_server_kind(kind), api_key)


def probed(behavior: FakeBehavior, kind: str = "llama-server", *, model: str = "m", long: bool = True) -> ProbeReport:
    with serve_fake(behavior, LLAMA) as server:
        return probe(ServerHandle(Model("p", kind, server.base_url, model), get_server_kind(kind)), long=long)


def by_name(report: ProbeReport) -> dict[str, ProbeFinding]:
    return {finding.name: finding for finding in report.findings}


@pytest.fixture(scope="module")
def faithful() -> ProbeReport:
    return probed(FakeBehavior())


@pytest.fixture(scope="module")
def contrary() -> ProbeReport:
    return probed(
        FakeBehavior(
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


def test_nothing_differs_for_a_server_that_conforms_to_its_kind(faithful: ProbeReport) -> None:
    assert [finding.name for finding in faithful.findings if finding.agrees is False] == []
    found = by_name(faithful)
    assert found["thinking_on_works"].observed is True
    assert found["thinking_off_works"].observed is True
    assert found["reasoning_keys"].observed == ["reasoning_content"]
    assert found["temperature_0_repeats"].observed is True
    assert found["reads_seed"].observed is True
    assert found["reads_top_k"].observed is True


def test_version_models_and_every_context_are_reported(faithful: ProbeReport) -> None:
    assert (faithful.version, faithful.models, faithful.model) == ("b7", ("m",), "m")
    assert (faithful.context_reported, faithful.context_model, faithful.context_probed) == (4096, 32768, 4096)


def test_a_cache_hit_and_a_nonce_that_defeats_the_cache_are_observed(faithful: ProbeReport) -> None:
    found = by_name(faithful)
    assert found["cache_hits_on_repeat"].observed is True
    assert found["nonce_defeats_cache"].observed is True


def test_a_cache_that_is_not_reported_shows_in_the_ttft(contrary: ProbeReport) -> None:
    found = by_name(contrary)
    assert found["cache_hits_on_repeat"].observed is True
    assert "TTFT" in (found["cache_hits_on_repeat"].note or "")


def test_a_server_without_a_cache_has_no_hit() -> None:
    found = by_name(probed(FakeBehavior(caches=False), long=False))
    assert found["cache_hits_on_repeat"].observed is False


def test_every_difference_from_the_toml_is_reported(contrary: ProbeReport) -> None:
    differ = {finding.name for finding in contrary.findings if finding.agrees is False}
    assert differ == {
        "early_events",
        "role_chunk",
        "reasoning_keys",
        "usage",
        "sends_done",
        "reports_cached_tokens",
        "reports_speeds",
        "thinking_off_works",
        "context_overflow",
    }
    found = by_name(contrary)
    assert found["reads_seed"].observed is False
    assert found["reads_top_k"].observed is False
    assert found["context_overflow"].observed == "error_in_200"


def test_silent_truncation_shows_in_the_tokens_that_the_server_counted() -> None:
    report = probed(FakeBehavior(overflow="silent_truncation"))
    found = by_name(report)
    assert found["context_overflow"].observed == "silent_truncation"
    assert found["context_overflow"].agrees is False
    assert report.context_probed == 4096


def test_a_probe_never_needs_more_than_ten_short_requests_and_a_long_one() -> None:
    with serve_fake(FakeBehavior(), LLAMA) as server:
        report = probe(a_handle(server.base_url))
    assert len(server.bodies) == 11
    assert (report.short_requests, report.long_requests) == (10, 1)
    assert sorted(len(json.dumps(body)) > 12_000 for body in server.bodies) == [False] * 10 + [True]


def test_a_kind_without_a_known_switch_gets_fewer_requests() -> None:
    report = probed(FakeBehavior(), "openai", long=False)
    assert (report.short_requests, report.long_requests) == (8, 0)
    assert by_name(report)["thinking_switch"].observed is None


def test_a_kind_that_does_not_check_the_length_gets_a_harmless_prompt() -> None:
    prompt = plan_long_prompt(get_server_kind("mlx-lm"), None, None)
    assert (prompt.exceeds_cap, prompt.tokens) == (False, 8000)


def test_a_kind_that_checks_the_length_gets_more_than_it_serves() -> None:
    prompt = plan_long_prompt(get_server_kind("llama-server"), 32_768, None)
    assert prompt.exceeds_cap
    assert prompt.tokens > 32_768


@pytest.mark.parametrize(
    ("text", "cap"),
    [
        ('{"error": {"n_prompt_tokens": 9, "n_ctx": 4096}}', 4096),
        ("This model's maximum context length is 16384 tokens", 16384),
        ("the prompt exceeds the available context size (40960 tokens)", 40960),
        ("Prompt exceeds max context window of 32768 tokens", 32768),
        ("something else went wrong at 12:30", None),
        ('"n_ctx": ' + "9" * 5000, None),
    ],
)
def test_the_cap_is_read_out_of_an_error(text: str, cap: int | None) -> None:
    assert cap_in_error(text) == cap


@pytest.mark.parametrize(("kind", "agrees"), [("ollama", True), ("llama-server", True), ("vllm", None)])
def test_a_count_of_0_cached_tokens_fits_a_kind_that_counts_none(kind: str, agrees: bool | None) -> None:
    usage = {"input_tokens": 9, "output_tokens": 2, "input_tokens_details": {"cached_tokens": 0}}
    text = {"type": "message", "content": [{"type": "output_text", "text": "ok"}]}
    end = event({"type": "response.completed", "response": {"output": [text], "usage": usage}})
    recording = replace(make_recording([(MS, end)]), url="http://127.0.0.1:1/v1/responses")
    (finding,) = observe([recording], get_server_kind(kind))
    assert (finding.name, finding.agrees) == ("reports_cached_tokens", agrees)


def test_a_server_with_several_models_needs_a_model_id() -> None:
    routes = {**LLAMA, "GET /v1/models": respond_with({"data": [{"id": "a"}, {"id": "b"}]})}
    with serve_fake(FakeBehavior(), routes) as server:
        handle = a_handle(server.base_url, "")
        with pytest.raises(ServerError, match="lists several models: a, b"):
            probe(handle)


def test_a_rejected_request_is_named_with_the_servers_message() -> None:
    with serve_fake(FakeBehavior(refuses="top_k"), LLAMA) as server:
        handle = a_handle(server.base_url)
        found = by_name(probe(handle, long=False))
    assert found["rejected_requests"].observed == ["top-k"]
    assert found["rejected_requests"].note == "top-k: top_k is not allowed"
    assert found["reads_top_k"].observed is None


def test_a_rejected_first_request_ends_the_probe_with_the_servers_message() -> None:
    with pytest.raises(ServerError, match="the first request failed: the request") as caught:
        probed(FakeBehavior(context=10))
    assert [problem.fix for problem in caught.value.problems] == ["start the server with a larger context"]


def test_a_wrong_api_key_is_named_as_such() -> None:
    with serve_fake(FakeBehavior(key="secret"), LLAMA) as server:
        handle = a_handle(server.base_url, api_key="other")
        with pytest.raises(ServerError, match="rejects the API key"):
            probe(handle)


def test_a_server_that_does_not_answer_is_one_line() -> None:
    with pytest.raises(ServerError, match="no answer") as caught:
        probe(a_handle("http://127.0.0.1:9/v1"))
    assert caught.value.fix == "start the server, or correct base_url"


# --- captured streams -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("server", ["llama-server", "mlx-lm", "transformers", "vllm"])
def test_captured_streams_of_a_kind_agree_with_its_toml(server: str) -> None:
    names = ("code", "think", "unicode", "parallel", "long")
    paths = [TRACES / f"{server}--{name}.jsonl.gz" for name in names]
    recordings = [unframe(load_reads(path)) for path in paths if path.exists()]
    found = {finding.name: finding for finding in observe(recordings, get_server_kind(server))}
    # vLLM reports cached tokens only with a server option that this capture did not have.
    allowed = {"reports_cached_tokens"} if server == "vllm" else set()
    assert {name for name, finding in found.items() if finding.agrees is False} == allowed
    assert found["reasoning_keys"].agrees is True


def test_captured_streams_of_another_kind_do_not_agree() -> None:
    recordings = [unframe(load_reads(TRACES / f"transformers--{name}.jsonl.gz")) for name in ("code", "think")]
    differ = {
        finding.name for finding in observe(recordings, get_server_kind("llama-server")) if finding.agrees is False
    }
    assert {"sends_done", "usage", "reports_cached_tokens"} <= differ


def test_invisible_tokens_before_the_first_one_are_not_taken_for_a_prefill() -> None:
    # Twelve tokens of 10 ms, an opening mark among them, between the role and the first visible token.
    role = chunk({"role": "assistant", "content": None})
    words = [(220 * MS + at * 10 * MS, text_chunk("word ")) for at in range(20)]
    reads = [(100 * MS, role), *words, (500 * MS, END), (501 * MS, DONE)]
    found = {finding.name: finding for finding in observe([make_recording(reads)], get_server_kind("llama-server"))}
    assert found["role_chunk"].observed == "with_first_token"
    slow = [(at_ns + 400 * MS if at_ns > 100 * MS else at_ns, data) for at_ns, data in reads]
    found = {finding.name: finding for finding in observe([make_recording(slow)], get_server_kind("llama-server"))}
    assert found["role_chunk"].observed == "before_prefill"


def test_incomplete_replies_show_nothing() -> None:
    assert {finding.observed for finding in observe([], get_server_kind("vllm")) if finding.name == "sends_done"} == {
        None
    }


# --- the command ------------------------------------------------------------------------------------------------


def _args(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.options(parser)
    return parser.parse_args(words)


def test_the_command_prints_a_table_that_names_the_differences(capsys: pytest.CaptureFixture[str]) -> None:
    with serve_fake(FakeBehavior(says_done=False), LLAMA) as server:
        assert command.run(_args("--server", "llama-server", "--base-url", server.base_url, "--no-long")) == 0
    out = capsys.readouterr().out
    assert "1 differ from harness/servers/llama-server.toml: sends_done (10 short and 0 long requests)" in out
    assert "context of the model  32768" in out


def test_the_command_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    with serve_fake(FakeBehavior(), LLAMA) as server:
        command.run(_args("--server", "llama-server", "--base-url", server.base_url, "--json"))
    document = json.loads(capsys.readouterr().out)
    assert document["context_probed"] == 4096
    assert {finding["name"] for finding in document["findings"]} >= {"reasoning_keys", "context_overflow"}


def test_the_command_takes_the_api_key_from_the_environment_only() -> None:
    with pytest.raises(ConfigError, match="LANEBENCH_NO_SUCH_KEY: the environment variable is not set") as caught:
        command.run(
            _args("--server", "openai", "--base-url", "http://127.0.0.1:9/v1", "--key-env", "LANEBENCH_NO_SUCH_KEY")
        )
    assert caught.value.fix == "export LANEBENCH_NO_SUCH_KEY first"


def test_the_command_names_the_known_kinds() -> None:
    with pytest.raises(ConfigError, match="known: ds4"):
        command.run(_args("--server", "lama", "--base-url", "http://127.0.0.1:9/v1"))
