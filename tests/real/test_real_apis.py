"""llama.cpp's server answers the same over three APIs; mlx_lm.server has only chat, and is said to."""

from __future__ import annotations

from dataclasses import replace

from harness.apis import APIS, get_api
from harness.read import read
from harness.record import Client, TurnRequest, record
from harness.servers import (
    ServerHandle,
    build_request_body,
    find_request_problems,
    get_server_kind,
    probe_api,
)
from harness.types import Model, Reading, Sampling, TrialKey

MESSAGES = [
    {"role": "system", "content": "Answer in one line."},
    {"role": "user", "content": "What is a good name for a function that counts the lines of a file?"},
]


def ask(model: Model) -> Reading:
    body = build_request_body(model, get_server_kind(model.server), MESSAGES, 40, disable_cache=False)
    with Client() as client:
        url = get_api(model.api).url(model.base_url)
        return read(record(client, TurnRequest(TrialKey(model.label, "by hand", 0), 0, 0, url, body)))


def test_one_model_answers_the_same_over_three_apis(llama_server: Model) -> None:
    greedy = replace(llama_server, sampling=Sampling(temperature=0.0, top_p=1.0))
    readings = [ask(replace(greedy, api=api)) for api in APIS]
    assert {reading.error for reading in readings} == {None}
    assert len({reading.content for reading in readings}) == 1
    assert len({reading.usage.prompt_tokens for reading in readings if reading.usage}) == 1
    assert {reading.finish_reason for reading in readings} <= {"stop", "length"}
    assert len({reading.finish_reason for reading in readings}) == 1


def test_the_gaps_of_llama_cpps_server_are_those_that_its_kind_states(llama_server: Model) -> None:
    gaps = {
        api: [finding.name for finding in probe_api(ServerHandle(replace(llama_server, api=api), kind))
              if finding.agrees is False]
        for kind in [get_server_kind(llama_server.server)]
        for api in APIS
    }  # fmt: skip
    assert gaps == {"chat": [], "responses": ["length"], "messages": []}


def test_mlx_has_no_other_api_and_is_said_to(mlx_server: Model) -> None:
    kind = get_server_kind(mlx_server.server)
    for api in ("responses", "messages"):
        model = replace(mlx_server, api=api)
        ((key, problem),) = find_request_problems(kind, model)
        assert (key, "is not known to have the" in problem.message) == ("api", True)
        (finding,) = probe_api(ServerHandle(model, kind))
        assert (finding.name, finding.agrees) == ("text", False)
