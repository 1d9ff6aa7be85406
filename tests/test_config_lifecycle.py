"""How bench.toml describes starting and stopping servers; every problem names its line."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.config import load_config, with_digest
from harness.errors import ConfigError
from harness.files import to_json
from harness.types import Lifecycle, Model

MODEL = """[[models]]
label = "a"
server = "{server}"
base_url = "http://127.0.0.1:8000/v1"
model = "m"
"""


def load_lifecycle(tmp_path: Path, more: str, server: str = "llama-server") -> Lifecycle | None:
    path = tmp_path / "bench.toml"
    path.write_text(MODEL.format(server=server) + more)
    return load_config(path).models[0].lifecycle


def problems(tmp_path: Path, more: str, server: str = "llama-server") -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load_lifecycle(tmp_path, more, server)
    return tuple(
        f"{problem.message}; {problem.fix}".removeprefix(f"{tmp_path / 'bench.toml'}, ").removesuffix("; ")
        for problem in caught.value.problems
    )


def test_without_a_lifecycle_the_server_is_left_to_the_user(tmp_path: Path) -> None:
    assert load_lifecycle(tmp_path, "") is None


def test_a_process_has_its_command_as_words(tmp_path: Path) -> None:
    lifecycle = load_lifecycle(
        tmp_path, '[models.lifecycle]\nmethod = "process"\nstart = ["llama-server", "-m", "my model.gguf"]\n'
    )
    assert lifecycle == Lifecycle("process", start=("llama-server", "-m", "my model.gguf"))


@pytest.mark.parametrize(
    ("method", "missing"),
    [("process", ["start"]), ("launchd", ["service", "plist"]), ("commands", ["start", "stop", "status"])],
)
def test_each_missing_field_of_a_lifecycle_is_a_problem_with_its_line(
    tmp_path: Path, method: str, missing: list[str]
) -> None:
    problem = problems(tmp_path, f'[models.lifecycle]\nmethod = "{method}"\n')
    assert [problem.split("requires ")[1] for problem in problem] == [
        f"the field {name!r}; add {name}" for name in missing
    ]
    assert all(problem.startswith("line 7: ") for problem in problem)


def test_a_server_kind_without_an_api_for_loading_cannot_be_loaded_by_api(tmp_path: Path) -> None:
    assert (
        "llama-server has no API for loading a model" in problems(tmp_path, '[models.lifecycle]\nmethod = "api"\n')[0]
    )
    assert load_lifecycle(tmp_path, '[models.lifecycle]\nmethod = "api"\n', "ollama") == Lifecycle("api")


def test_a_server_that_the_run_starts_must_have_a_stop_command(tmp_path: Path) -> None:
    start = '[models.lifecycle]\nmethod = "api"\nstart = ["lms", "server", "start"]\n'
    assert "must be able to stop it; add stop" in problems(tmp_path, start, "lm-studio")[0]
    assert load_lifecycle(tmp_path, start + 'stop = ["lms", "server", "stop"]\n', "lm-studio") is not None


def test_a_server_behind_a_tunnel_cannot_be_started_as_a_process(tmp_path: Path) -> None:
    more = 'tunnel = "me@studio"\n[models.lifecycle]\nmethod = "process"\nstart = ["llama-server"]\n'
    assert "behind a tunnel can be loaded by its API only" in problems(tmp_path, more)[0]


@pytest.mark.parametrize("target", ["-oProxyCommand=evil", "a b", "", "me@host;ls"])
def test_a_tunnel_that_ssh_could_take_for_an_option_is_refused(tmp_path: Path, target: str) -> None:
    assert "tunnel" in problems(tmp_path, f'tunnel = "{target}"\n')[0]


def test_a_models_file_is_recorded_by_digest_and_size_and_never_by_path(tmp_path: Path) -> None:
    (tmp_path / "secret-place").mkdir()
    weights = tmp_path / "secret-place" / "w.gguf"
    weights.write_bytes(b"abc")
    path = tmp_path / "bench.toml"
    path.write_text(MODEL.format(server="llama-server") + f'facts = {{ file = "{weights}", quantization = "Q4" }}\n')
    model = with_digest(load_config(path).models[0])
    assert model.facts == {
        "file_sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "file_bytes": 3,
        "quantization": "Q4",
    }
    folder = replace(model, facts={"file": str(weights.parent)})
    assert with_digest(folder).facts["file_bytes"] == 3
    assert "secret-place" not in to_json(with_digest(folder))
    assert with_digest(model) == model


def test_a_models_missing_file_is_a_problem_with_its_line(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, 'facts = { file = "/no/such/file" }\n')
    assert problem == "line 6: $.models[0].facts.file: no such file: /no/such/file; correct the path or remove it"


def test_an_unknown_value_of_by_is_refused(tmp_path: Path) -> None:
    assert "method" in problems(tmp_path, '[models.lifecycle]\nmethod = "systemd"\n')[0]


def test_a_field_that_the_server_refuses_is_a_problem_with_its_line(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "sampling = { temperature = 0, top_k = 1 }\n", "transformers")
    assert problem.startswith("line 6: $.models[0].sampling.top_k: transformers serve rejects")


def test_thinking_without_a_known_switch_is_a_problem_with_its_line(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, 'thinking = "on"\n', "openai")
    assert problem.startswith("line 6: $.models[0].thinking: no field is known")


INVALID = "invalid URL"
HAS_KEY = "an address must not contain credentials"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://[::1:8080/v1", INVALID),
        ("http://127.0.0.1:808080/v1", INVALID),
        ("http://me:sk-secret@h:abc/v1", INVALID),
        ("http://127.0.0.1:0/v1", INVALID),
        ("http://:1/v1", INVALID),
        ("http://a..b:1/v1", INVALID),
        ("http://me:sk-secret@127.0.0.1:1/v1", HAS_KEY),
        ("http://127.0.0.1:1/v1?key=sk-secret", HAS_KEY),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_with_its_line_and_not_repeated(
    tmp_path: Path, url: str, why: str
) -> None:
    path = tmp_path / "bench.toml"
    path.write_text(MODEL.format(server="openai").replace("http://127.0.0.1:8000/v1", url))
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    (problem,) = [problem.message for problem in caught.value.problems]
    assert f"line 4: $.models[0].base_url: {why}" in problem
    assert "sk-secret" not in problem


def test_a_stop_command_that_would_never_run_is_refused(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, '[models.lifecycle]\nmethod = "process"\nstart = ["s"]\nstop = ["t"]\n')
    assert "this command would never run" in problem


COMMANDS = 'start = ["s"]\nstop = ["t"]\nstatus = ["u"]\n'
DAEMON = 'service = "v"\nplist = "/w"\ndomain = "system"\n'


@pytest.mark.parametrize(
    ("method", "unused"),
    [
        ("api", ["domain", "plist", "service"]),
        ("process", ["domain", "plist", "service", "stop"]),
        ("launchd", ["start", "status", "stop"]),
        ("commands", ["domain", "plist", "service"]),
    ],
)
def test_each_field_that_a_method_never_uses_is_a_problem_with_its_line(
    tmp_path: Path, method: str, unused: list[str]
) -> None:
    lines = (COMMANDS + DAEMON).splitlines()
    found = problems(tmp_path, f'[models.lifecycle]\nmethod = "{method}"\n{COMMANDS}{DAEMON}', "ollama")
    assert [problem.split("has no use for ")[1].split(":")[0] for problem in found] == [f"{name!r}" for name in unused]
    assert [problem.split(":")[0] for problem in found] == [
        f"line {8 + at}" for name in unused for at, line in enumerate(lines) if line.startswith(f"{name} ")
    ]


def test_a_digest_or_size_that_is_not_that_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "w.gguf").write_bytes(b"abc")
    found = {"file_sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "file_bytes": 3}
    declared = {"file": str(tmp_path / "w.gguf"), **found}
    model = Model("a", "openai", "http://127.0.0.1:1/v1", "m", facts=declared)
    assert with_digest(model).facts == found
    with pytest.raises(ConfigError) as caught:
        with_digest(replace(model, facts={**declared, "file_sha256": "0" * 64, "file_bytes": 5}))
    digest, size = [problem.message for problem in caught.value.problems]
    assert digest == f"model 'a': facts.file_sha256 is {'0' * 64}, that of facts.file is {found['file_sha256']}"
    assert size == "model 'a': facts.file_bytes is 5, that of facts.file is 3"


def test_a_folder_without_files_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    model = Model("a", "openai", "http://127.0.0.1:1/v1", "m", facts={"file": str(tmp_path / "empty")})
    with pytest.raises(ConfigError, match=r"facts\.file has no bytes"):
        with_digest(model)


def test_keys_and_files_are_looked_for_only_where_a_model_will_be_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KEY_OF_A", raising=False)
    (unset,) = problems(tmp_path, 'key_env = "KEY_OF_A"\n')
    assert unset.startswith("line 6: $.models[0].key_env: the environment variable KEY_OF_A is not set")
    assert load_config(tmp_path / "bench.toml", for_requests=False).models[0].key_env == "KEY_OF_A"


def test_a_key_that_no_header_can_carry_is_a_problem_of_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY_OF_A", "secret ")
    (found,) = problems(tmp_path, 'key_env = "KEY_OF_A"\n')
    assert found.startswith("line 6: $.models[0].key_env: the API key contains surrounding whitespace")
    assert "secret" not in found
