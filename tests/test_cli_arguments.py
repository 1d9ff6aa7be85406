"""What the parser says about arguments that it does not know, and options that are given twice."""

import pytest

from harness.cli import main


@pytest.mark.parametrize(
    ("arguments", "usage", "expected"),
    [
        (["bench", "bench.toml"], "bench", "unrecognized argument 'bench.toml': did you mean --config bench.toml?"),
        (["bench", "--cofig", "x"], "bench", "unrecognized argument '--cofig': did you mean --config?"),
        (["report", "results/1", "--fulll"], "report", "unrecognized argument '--fulll': did you mean --full?"),
        (["tasks", "check", "--mutant"], "tasks check", "unrecognized argument '--mutant': did you mean --mutants?"),
        (["bench", "--config", "a", "--config", "b"], "bench", "argument --config: given twice; leave out one of them"),
    ],
)
def test_an_unknown_argument_is_one_error_of_its_command_with_what_was_meant(
    arguments: list[str], usage: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    errors = capsys.readouterr().err
    assert stop.value.code == 2
    assert errors.startswith(f"usage: lanebench {usage} ")
    assert expected in errors


def test_an_argument_that_resembles_nothing_gets_no_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["report", "results/1", "zzzz"])
    assert capsys.readouterr().err.endswith("error: unrecognized argument 'zzzz'\n")


@pytest.mark.parametrize(
    "words", [["tasks", "check"], ["tasks", "new"], ["tasks", "mine"], ["judge", "ask"], ["agents", "check"]]
)
def test_the_help_of_an_action_begins_with_what_it_does(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([*words, "--help"])
    usage, description = capsys.readouterr().out.split("\n\n")[:2]
    assert usage.startswith(f"usage: lanebench {' '.join(words)} ")
    assert description.endswith(".")
