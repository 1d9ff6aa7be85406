"""Kind `needle`: values that are right, superseded, invented or left out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.files import to_json
from harness.score import score
from harness.score.extraction.json_answer import DuplicateKeyError, find_object
from harness.types import Case, Json, Outcome, Score
from tests.scored import ScriptedSandbox, case, check, failed, problem_texts, said, variant_of

CODE = case("code", key="harbour code", any=["K7-Lantern"], depth=0.1)
PORTS = case("ports", key="ports", any=[1200, "twelve hundred"], depth=0.5, superseded=["900"])
RATE = case("rate", key="rate", any=[0.25], depth=0.5)
ABSENT = case("absent", key="owner", absent=True)
CASES = (CODE, PORTS, RATE, ABSENT)
RIGHT: dict[str, Json] = {"harbour code": "K7-Lantern", "ports": 1200, "rate": 0.25, "owner": None}


def judge(answer: Json, cases: tuple[Case, ...] = CASES, **settings: Json) -> Score:
    variant = variant_of("needle", cases, language=None, settings=settings)
    assert problem_texts(variant.task) == []
    return score(variant, [said(answer if isinstance(answer, str) else to_json(answer))], ScriptedSandbox())


def test_right_values_pass_with_recall_by_depth() -> None:
    verdict = judge(RIGHT)
    assert verdict.outcome is Outcome.PASSED
    assert verdict.metrics == {
        "recall": 1.0,
        "precision": 1.0,
        "recall_by_depth": {"0.1": 1.0, "0.5": 1.0},
        "superseded": 0,
        "invented": 0,
    }


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("harbour code", "k7-lantern"),
        ("harbour code", ' "K7-Lantern" '),
        ("harbour code", ["K7-Lantern"]),
        ("Harbour_Code", "K7-Lantern"),
        ("ports", "1,200"),
        ("ports", "1200.0"),
        ("ports", "Twelve hundred"),
        ("rate", ".25".rjust(4, "0")),
    ],
)
def test_a_value_is_right_in_any_usual_spelling(key: str, value: Json) -> None:
    answer = {name: value for name, value in RIGHT.items() if name.lower() != key.lower().replace("_", " ")}
    assert failed(judge({**answer, key: value})) == set()


@pytest.mark.parametrize(
    "change",
    [
        {"harbour code": "the code is K7-Lantern"},
        {"ports": "1,200 ports at most"},
        {"ports": "twelve hundred of them"},
        {"rate": "0.25 percent"},
        {"rate": "0.25 %"},
        {"rate": ".25"},
        {"rate": ".25 percent"},
    ],
)
def test_a_value_may_stand_in_a_few_more_words(change: dict[str, Json]) -> None:
    assert failed(judge({**RIGHT, **change})) == set()


@pytest.mark.parametrize(
    ("change", "fails"),
    [
        ({"harbour code": "K8-Lantern"}, {"code", "precision"}),
        ({"harbour code": "not K7-Lantern"}, {"code", "precision"}),
        ({"harbour code": "K7-Lantern or K8-Lantern"}, {"code", "precision"}),
        ({"ports": "1200, before that 900"}, {"ports", "precision"}),
        ({"ports": "1200 900 1100 1000"}, {"ports", "precision"}),
        ({"ports": "formerly 1200"}, {"ports", "precision"}),
        ({"ports": 900}, {"ports", "precision"}),
        ({"ports": True}, {"ports", "precision"}),
        ({"rate": 25}, {"rate", "precision"}),
        ({"rate": None}, {"rate"}),
        ({"rate": "-0.25 percent"}, {"rate", "precision"}),
        ({"rate": "minus 0.25 percent"}, {"rate", "precision"}),
        ({"rate": "\u22120.25 percent"}, {"rate", "precision"}),
        ({"rate": "\u22120.25"}, {"rate", "precision"}),
        ({"ports": "-1200 ports"}, {"ports", "precision"}),
        ({"owner": "Ada"}, {"absent", "precision"}),
        ({"owner": "not found"}, {"absent"}),
        ({"owner": "N/A"}, {"absent"}),
        ({"owner": ""}, {"absent"}),
        ({"more": "than asked"}, {"precision"}),
    ],
)
def test_each_check_fails_for_its_defect(change: dict[str, Json], fails: set[str]) -> None:
    verdict = judge({**RIGHT, **change})
    assert (verdict.outcome, failed(verdict)) == (Outcome.FAILED, fails)


@pytest.mark.parametrize(
    "value",
    [
        "isn't 53",
        "isn’t 53",
        "wasnt 53",
        "neither 53",
        "anything except 53",
        "unlike 53",
        "without 53",
        "more than 53",
        "under 53",
        "maybe 53",
        "53 (unsure)",
        "half of 53",
        "53 million",
        "53k",
        "53 hundred",
        "53, fifty-four",
        [53, 54],
        {"value": 53},
    ],
)
def test_a_number_that_is_denied_doubted_or_scaled_is_wrong(value: Json) -> None:
    allowance = case("allowance", key="allowance", any=["53", "53 euros", "fifty-three"])
    assert failed(judge({"allowance": value}, (allowance,))) == {"allowance", "precision"}
    assert failed(judge({"allowance": "53 (fifty-three) euros, each day"}, (allowance,))) == set()


@pytest.mark.parametrize(
    "value",
    ["53 (over the whole year)", "53 euros excluding tax", "53 euros, twice a week", "53, without exception",
     "53 euros above all", "53, none other", "53 euros per half day"],
)  # fmt: skip
def test_words_behind_a_value_do_not_reverse_it(value: Json) -> None:
    allowance = case("allowance", key="allowance", any=["53", "53 euros"])
    assert failed(judge({"allowance": value}, (allowance,))) == set()


HARBOUR = case("harbour", key="harbour", any=["Port Helmi", "Helmi"])
WINTER_HARBOUR = case("winter", key="winter harbour", any=["Vasa"])


@pytest.mark.parametrize(
    "value",
    [
        "Helmi, Vasa, Turku",
        "vasa, helmi",
        "Helmi/Vasa",
        "Helmi; Old Vasa",
        "Helmi vs Vasa",
        "unlike Helmi",
        "don't know, maybe Helmi",
        ["Helmi", "Vasa"],
        {"first": "Vasa", "second": "Helmi"},
    ],
)
def test_a_name_beside_an_alternative_is_wrong(value: Json) -> None:
    answer = {"harbour": value, "winter harbour": "Vasa"}
    assert failed(judge(answer, (HARBOUR, WINTER_HARBOUR))) == {"harbour", "precision"}


@pytest.mark.parametrize(
    "value",
    ["Helmi, Port", "Helmi, harbour", "the large one, Helmi", "port of Helmi", ["the port Helmi"], "HELMI",
     "Helmi, Finland", "Helmi, Harbour Authority", "Helmi, since March", "Helmi, currently", "Helmi; amended",
     "Helmi / current", "Helmi, PhD"],
)  # fmt: skip
def test_a_name_beside_its_description_is_right(value: Json) -> None:
    assert failed(judge({"harbour": value}, (HARBOUR,))) == set()


def test_words_of_the_right_value_deny_nothing_and_hide_no_outdated_one() -> None:
    tunnel = case("tunnel", key="tunnel", any=["old brewery", "long and short"], superseded=["mill pond"])
    for value in ("to the old brewery", "the old brewery cellar", "it is long and short"):
        assert failed(judge({"tunnel": value}, (tunnel,))) == set()
    for value in ("not the old brewery", "formerly the old brewery", "old brewery, the mill pond"):
        assert failed(judge({"tunnel": value}, (tunnel,))) == {"tunnel", "precision"}


FROST = case("frost", key="frost", any=[-5], depth=0.5)


@pytest.mark.parametrize("value", [-5, "-5", "-5 degrees", "minus 5 degrees", "\u22125", "\u22125 degrees", "about -5"])
def test_a_negative_number_is_right_with_its_sign(value: Json) -> None:
    assert judge({"frost": value}, (FROST,)).outcome is Outcome.PASSED


@pytest.mark.parametrize("value", [5, "5", "5 degrees", "+5 degrees", "plus 5", "4-5 degrees"])
def test_a_negative_number_is_wrong_without_its_sign(value: Json) -> None:
    assert failed(judge({"frost": value}, (FROST,))) == {"frost", "precision"}


@pytest.mark.parametrize("value", ["+1200", "+1200 ports", "port-1200", "Ports - 1200"])
def test_a_hyphen_between_words_is_no_sign(value: Json) -> None:
    assert failed(judge({**RIGHT, "ports": value})) == set()


WINDOW = case("window", key="window", any=["40 minutes", "40"])
SAMPLE = case("sample", key="sample", any=["150", "150 min", "2.5 hours"])


@pytest.mark.parametrize(
    "value",
    ["40", "40 min", "40 (minutes)", "40 m", "within 40 full minutes", "40 minutes per working day", "40 of them"],
)
def test_a_right_unit_or_none_may_stand_behind_a_number(value: str) -> None:
    assert failed(judge({"window": value, "sample": "150 minutes"}, (WINDOW, SAMPLE))) == set()


@pytest.mark.parametrize("value", ["40 hours", "40h", "40 (hours)", "within 40 working days", "40 %"])
def test_another_unit_makes_a_value_wrong(value: str) -> None:
    assert "window" in failed(judge({"window": value, "sample": "2.5 hours"}, (WINDOW, SAMPLE)))


def test_a_unit_belongs_to_its_number() -> None:
    assert failed(judge({"window": "40", "sample": "150 hours"}, (WINDOW, SAMPLE))) == {"sample", "precision"}


def test_a_superseded_value_is_counted_separately() -> None:
    verdict = judge({**RIGHT, "ports": "900"})
    assert (verdict.metrics["superseded"], check(verdict, "ports").note) == (1, "superseded")


def test_values_that_were_not_asked_for_or_are_absent_count_as_invented() -> None:
    assert judge({**RIGHT, "owner": "Ada", "more": 1}).metrics["invented"] == 2


def test_extra_values_lower_precision() -> None:
    verdict = judge({**RIGHT, **{f"guess {number}": number for number in range(12)}})
    assert verdict.metrics["precision"] == 0.2
    assert failed(judge({**RIGHT, "more": 1}, min_precision=0.7)) == set()


def test_an_absent_key_may_be_left_out() -> None:
    assert judge({key: value for key, value in RIGHT.items() if key != "owner"}).outcome is Outcome.PASSED


@pytest.mark.parametrize(
    "answer",
    [
        '{"harbour code": "K7-Lantern", "ports": 900, "ports": 1200, "rate": 0.25}',
        '{"harbour code": "K7-Lantern", "Ports": 900, "ports": 1200, "rate": 0.25}',
        '```json\n{"harbour code": "K7-Lantern", "ports": 1200, "ports": 1200, "rate": 0.25}\n```',
        'So: {"harbour code": "K7-Lantern", "ports": 1200, "rate": 0.25, "harbour_code": "K8-Lantern"} it is.',
    ],
)
def test_a_key_that_is_given_twice_fails_everything(answer: str) -> None:
    verdict = judge(answer)
    assert (verdict.outcome, verdict.fraction) == (Outcome.FAILED, 0.0)
    assert "is given twice" in str(verdict.checks[0].note)


def test_an_answer_without_an_object_is_no_answer() -> None:
    verdict = judge("The code is K7-Lantern.")
    assert verdict.outcome is Outcome.NO_ANSWER
    assert failed(verdict) == {"answer", "code", "ports", "rate", "absent", "precision"}


@pytest.mark.parametrize(
    "answer",
    ['{"a": 1}', '```json\n{"a": 1}\n```', 'So:\n{"a": 1}\nDone.', '```\n{"a": 0}\n```\nno:\n```json\n{"a": 1}\n```',
     '<think>{"a": 0}</think>{"a": 1}', 'I set {x} to {"a": 1}'],
)  # fmt: skip
def test_the_object_is_found_alone_in_a_fence_or_between_sentences(answer: str) -> None:
    assert find_object(answer) == {"a": 1}


@pytest.mark.parametrize("answer", ["", "[1]", "{", '{"a": ', "{a: 1}", "{" * 3000])
def test_other_values_are_not_objects(answer: str) -> None:
    assert find_object(answer) is None


@pytest.mark.parametrize("levels", range(900, 1000, 4))
def test_a_value_that_is_nested_too_deeply_is_no_value(levels: int) -> None:
    answer = f'{{"code": {"[" * levels}1{"]" * levels}}}'
    assert find_object(answer) is None
    assert judge(answer).outcome is Outcome.NO_ANSWER


@given(st.text(alphabet='{}[]":,a1\n`', max_size=60))
def test_no_text_breaks_the_search_for_an_object(text: str) -> None:
    try:
        found = find_object(text)
    except DuplicateKeyError:
        return
    assert found is None or isinstance(found, dict)


@pytest.mark.parametrize(
    ("expect", "problem"),
    [
        ({"any": ["x"]}, "expect.key: required field is missing"),
        ({"key": "a", "any": []}, "expect.any: expected at least 1 entry"),
        ({"key": "a", "any": "x"}, "expect.any: expected array"),
        ({"key": "a", "any": ["x"], "depth": "deep"}, "expect.depth: expected number"),
        ({"key": "a", "absent": True, "any": ["x"]}, "expect.any: unknown field"),
        ({"key": "a", "value": "x"}, "expect.value: unknown field"),
    ],
)
def test_wrong_cases_are_reported(expect: dict[str, Json], problem: str) -> None:
    found = problem_texts(variant_of("needle", [case("one", **expect)], language=None).task)
    assert any(problem in text for text in found), found


def test_two_cases_with_the_same_key_are_reported() -> None:
    twice = [case("one", key="the key", any=["x"]), case("two", key="The_Key", any=["y"])]
    assert any(
        "several cases ask for the key 'the_key'" in text for text in problem_texts(variant_of("needle", twice).task)
    )
