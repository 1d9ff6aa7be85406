"""Every driver on the real engine: values keep their types on the way in and out, and a bad case spoils only itself."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from harness.sandbox import DockerSandbox, open_sandbox
from tests.language_samples import (
    PATIENT,
    QUICK,
    SAMPLES,
    SAMPLES_WITH_FUNCTIONS,
    LanguageSample,
    ends,
    job_of,
    typed,
    values,
)

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def sandbox() -> Iterator[DockerSandbox]:
    with open_sandbox("test", print, [sample.language for sample in SAMPLES]) as opened:
        yield opened


def language_of(sample: LanguageSample) -> str:
    return sample.language


@pytest.mark.parametrize("sample", SAMPLES_WITH_FUNCTIONS, ids=language_of)
def test_values_come_back_as_they_went_in_to_the_last_bit(sandbox: DockerSandbox, sample: LanguageSample) -> None:
    inputs = [*sample.values, *sample.typed]
    observations = sandbox.run(job_of(sample, [(sample.same(value), value) for value in inputs]))
    assert [typed(value) for value in values(observations)] == [typed(value) for value in inputs]
    assert set(ends(observations)) == {"returned"}


@pytest.mark.parametrize(
    "sample", [sample for sample in SAMPLES_WITH_FUNCTIONS if sample.big is not None], ids=language_of
)
def test_integers_beyond_a_machine_word_are_exact(sandbox: DockerSandbox, sample: LanguageSample) -> None:
    assert sample.big is not None
    given, expected = sample.big
    assert sandbox.run(job_of(sample, [("twice_as_big", given)]))[0].value == expected


@pytest.mark.parametrize("sample", SAMPLES_WITH_FUNCTIONS, ids=language_of)
def test_an_exception_is_named_and_the_next_case_runs(sandbox: DockerSandbox, sample: LanguageSample) -> None:
    observations = sandbox.run(job_of(sample, [("fail", "x"), ("same", "x")]))
    assert (observations[0].status, observations[0].note) == ("raised", sample.raised)
    assert observations[0].value[0] == sample.raised
    assert observations[1].value == "x"


@pytest.mark.parametrize("sample", SAMPLES_WITH_FUNCTIONS, ids=language_of)
def test_a_hanging_case_times_out_alone(sandbox: DockerSandbox, sample: LanguageSample) -> None:
    observations = sandbox.run(job_of(sample, [("same", "a"), ("hang", ""), ("same", "b")], limits=QUICK))
    assert ends(observations) == ["returned", "timed_out", "returned"]
    assert values(observations) == ["a", None, "b"]


@pytest.mark.parametrize("sample", SAMPLES_WITH_FUNCTIONS, ids=language_of)
def test_a_crash_in_the_middle_ends_that_case_alone(sandbox: DockerSandbox, sample: LanguageSample) -> None:
    observations = sandbox.run(job_of(sample, [("same", "a"), ("vanish", ""), ("same", "b")]))
    assert ends(observations) == ["returned", "crashed", "returned"]


@pytest.mark.parametrize("sample", SAMPLES_WITH_FUNCTIONS, ids=language_of)
def test_an_answer_out_of_memory_is_distinguished_from_one_that_crashes(
    sandbox: DockerSandbox, sample: LanguageSample
) -> None:
    small = replace(PATIENT, memory_bytes=128 * 1024 * 1024)
    observations = sandbox.run(job_of(sample, [("eat", ""), ("same", "b")], limits=small))
    assert ends(observations) == ["out_of_memory", "returned"]


@pytest.mark.parametrize("sample", SAMPLES_WITH_FUNCTIONS, ids=language_of)
def test_an_answer_may_print(sandbox: DockerSandbox, sample: LanguageSample) -> None:
    observations = sandbox.run(job_of(sample, [("noisy", "a"), ("noisy", "b")]))
    assert [(observation.status, observation.value) for observation in observations] == [
        ("returned", "a"),
        ("returned", "b"),
    ]


@pytest.mark.parametrize("sample", SAMPLES_WITH_FUNCTIONS, ids=language_of)
def test_a_line_that_the_driver_did_not_write_makes_the_case_forged(
    sandbox: DockerSandbox, sample: LanguageSample
) -> None:
    observations = sandbox.run(job_of(sample, [("same", "a"), ("meddle", "b"), ("same", "c")]))
    assert ends(observations) == ["returned", sample.meddled, "returned"]
    assert values(observations)[::2] == ["a", "c"]


@pytest.mark.parametrize("sample", SAMPLES, ids=language_of)
def test_an_answer_that_does_not_load_is_tried_once_and_says_why(
    sandbox: DockerSandbox, sample: LanguageSample
) -> None:
    observations = sandbox.run(job_of(sample, [("same", "a"), ("same", "b")], code=sample.broken))
    assert ends(observations) == ["not_loaded", "not_loaded"]
    assert all(observation.note for observation in observations)


@pytest.mark.parametrize(
    "sample", [sample for sample in SAMPLES_WITH_FUNCTIONS if "absent" not in sample.cannot], ids=language_of
)
def test_a_function_that_is_not_there_is_not_callable(sandbox: DockerSandbox, sample: LanguageSample) -> None:
    observations = sandbox.run(job_of(sample, [("absent", "a")]))
    assert ends(observations) == ["not_callable"]


@pytest.mark.parametrize(
    "sample", [sample for sample in SAMPLES_WITH_FUNCTIONS if "absent" in sample.cannot], ids=language_of
)
def test_a_function_that_is_not_there_does_not_compile(sandbox: DockerSandbox, sample: LanguageSample) -> None:
    assert ends(sandbox.run(job_of(sample, [("absent", "a")]))) == ["not_loaded"]
