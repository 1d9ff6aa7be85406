"""Kinds `voice` and `summary`: a text is checked by rules (harness/score/prose/rules.py). No code is run.

Both measure rule compliance: whether a text keeps the rules of the prompt and states the facts that it must. Neither
measures whether it reads well; that takes a reader. What the rules cannot see: nonsense around the facts, a lie that
is told in other words.

settings      `source`: names of files/ whose content the answer may draw on; default: the whole prompt
cases.json    `give` is {}; `expect` is {"rule": name, ...}:
    no_em_dash                              neither U+2014, nor U+2013 or `--` between spaces
    no_dash                                 nor `-` between spaces
    no_phrases  phrases [strings]           none of these, as whole words in any case
    no_emoji, no_hashtags, no_lists, no_headings, no_first_person, no_exclamation, no_links, no_questions
    no_new_numbers  allowed [strings]       no number that is not in the source (1,200 = 1200; "three" = 3), nor allowed
    no_new_names    allowed [strings]       no capitalized name (not at a sentence's start) that is not in the source
    words, sentences, paragraphs, characters    min, max (at least one of them)
    sentence_words  max                     no sentence of more words
    repetition      max                     percent of the words that repeat four words in a row of the text before
    distinct_words  min                     percent of the words that are unlike all others
    says    any [strings], section          one of these is in the text, or in that section; * at the end of a word
                                            stands for any ending
    states  value, subject [strings], rivals, unless [strings], section
                                            a value is stated of a subject, in its clause or the sentences around it,
                                            neither denied nor nearer to one of `rivals`, in no clause with an `unless`
    avoids  any [strings], unless [strings] none of these is there without one of `unless` in its clause, beside
                                            it, or in the heading of its table's column
    once    any [strings], section          at most one place has any of these spellings of one value
    sections  titles [strings]              exactly these headings, in this order, each with text below it
    starts, ends  any [strings]             the text starts (ends) with one of these
              says, states, avoids, starts, ends: numbers and units in any spelling ("47 mins" = "forty-seven minutes")
checks        one for each case; strict, on the text as it was written
metrics       loose: the checks that pass for one of: first line dropped, last line dropped, both, and each without the
              marks * and _; loose_passed; strict_passed; words; facts_kept, facts_total (says and states);
              for `summary` also superseded, new_numbers, new_names
An empty text is no answer. A text of more than 20,000 characters keeps no rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from harness.errors import Problem
from harness.score.compare import display
from harness.score.extraction.fences import fenced_blocks
from harness.score.extraction.template_tokens import clean
from harness.score.prose.numerals import ungrounded_numerals
from harness.score.prose.rules import RULES, RuleInput, RuleResult, new_names
from harness.score.prose.segments import words
from harness.score.scorer_kind import ScorerKind
from harness.score.validation import (
    INTEGER,
    STRING,
    STRINGS,
    case_location,
    case_schema,
    missing_files,
    object_schema,
)
from harness.score.verdict import Judgment, no_answer
from harness.types import Case, Check, Json, Reading, Sandbox, Task, Variant

_TEXT_LABELS = ("", "text", "txt", "markdown", "md", "plaintext")
_MAX_LISTED = 12
_MAX_TEXT_CHARS = 20_000
"""Texts are bounded before a rule reads them: a rule's time is linear, and a text of 1 MB is no answer to any task."""


def check_names(variant: Variant) -> tuple[str, ...]:
    """The ids of the cases."""
    return tuple(case.id for case in variant.cases)


def text_of(answer: str) -> tuple[str, str]:
    """The text of an answer, and how it was found: as it is, or in the one fence around all of it."""
    text = clean(answer).strip()
    if len(text) > _MAX_TEXT_CHARS:
        return text, "text"
    blocks = fenced_blocks(text)
    if len(blocks) == 1 and text.startswith(("```", "~~~")) and blocks[0].label in _TEXT_LABELS:
        inside = blocks[0].text.strip()
        if len(words(inside)) == len(words(text)) - len(words(blocks[0].info)):
            return inside, "fenced-text"
    return text, "text"


def source_of(variant: Variant) -> str:
    """What the answer may draw on: the files of the setting `source`, else the whole prompt."""
    named = variant.task.settings.get("source")
    if isinstance(named, list):
        return "\n".join(variant.files[str(name)] for name in named if str(name) in variant.files)
    return "\n".join((variant.system, *variant.turns)).replace("{{nonce}}", "")


def loosened(text: str) -> Iterator[str]:
    """The text as it is and in seven looser readings (IFEval, arXiv 2311.07911, section 2.2)."""
    lines = text.split("\n")
    for cut in (text, "\n".join(lines[1:]), "\n".join(lines[:-1]), "\n".join(lines[1:-1])):
        if cut.strip():
            yield cut.strip()
            yield cut.replace("*", "").replace("_", " ").strip()


def _apply_rule(case: Case, text: str, source: str) -> RuleResult:
    return RULES[str(case.expect["rule"])].check(RuleInput(text, case.expect, source))


def _check(case: Case, text: str, source: str) -> Check:
    result = _apply_rule(case, text, source)
    return Check(case.id, result.passed, display(dict(case.expect)), display(result.observed))


def score_voice(variant: Variant, readings: Sequence[Reading], sandbox: Sandbox) -> Judgment:
    """Check the last turn's text by the rules; the sandbox is not used."""
    del sandbox
    text, rule = text_of(readings[-1].content)
    if not words(text[:_MAX_TEXT_CHARS]):
        return no_answer(check_names(variant), "the answer is empty")
    if len(text) > _MAX_TEXT_CHARS:
        return _too_long(variant, len(text))
    source = source_of(variant)
    checks = tuple(_check(case, text, source) for case in variant.cases)
    loose = _loose_passes(variant, checks, text, source)
    stated = [check.passed for case, check in zip(variant.cases, checks, strict=True) if _is_fact(case)]
    metrics: dict[str, Json] = {
        "strict_passed": sum(check.passed for check in checks),
        "loose_passed": sum(loose.values()),
        "loose": loose,
        "words": len(words(text)),
        "facts_kept": sum(stated),
        "facts_total": len(stated),
    }
    return Judgment(checks, rule, metrics=metrics)


def _too_long(variant: Variant, characters: int) -> Judgment:
    note = f"the text has {characters} characters, more than {_MAX_TEXT_CHARS}"
    return Judgment(tuple(Check(name, False, None, None, note) for name in check_names(variant)), "text")


def _loose_passes(variant: Variant, checks: Sequence[Check], text: str, source: str) -> dict[str, Json]:
    """Which checks pass in any of the looser readings; the text as it is is one of them."""
    versions = list(dict.fromkeys(loosened(text)))
    return {
        case.id: check.passed or any(_apply_rule(case, version, source).passed for version in versions)
        for case, check in zip(variant.cases, checks, strict=True)
    }


def _is_fact(case: Case) -> bool:
    return case.expect["rule"] in ("says", "states")


def score_summary(variant: Variant, readings: Sequence[Reading], sandbox: Sandbox) -> Judgment:
    """As `score_voice`, with metrics of what the summary kept of its source and what it added."""
    judgment = score_voice(variant, readings, sandbox)
    if not judgment.metrics:
        return judgment
    text, _ = text_of(readings[-1].content)
    return replace(judgment, metrics={**judgment.metrics, **_summary_metrics(variant, judgment.checks, text)})


def _summary_metrics(variant: Variant, checks: Sequence[Check], text: str) -> dict[str, Json]:
    source = source_of(variant)
    rules = [str(case.expect["rule"]) for case in variant.cases]
    avoided = [check.passed for rule, check in zip(rules, checks, strict=True) if rule == "avoids"]
    numbers = ungrounded_numerals(text, source, _allowed(variant, "no_new_numbers"))
    names = new_names(RuleInput(text, {"allowed": _allowed(variant, "no_new_names")}, source))
    return {
        "superseded": len(avoided) - sum(avoided),
        "new_numbers": list(dict.fromkeys(number.text for number in numbers))[:_MAX_LISTED],
        "new_names": list(dict.fromkeys(span.text for span in names))[:_MAX_LISTED],
    }


def _allowed(variant: Variant, rule: str) -> list[str]:
    """What the cases of a rule allow."""
    cases = (case for case in variant.cases if case.expect["rule"] == rule)
    return [str(text) for case in cases for text in case.expect.get("allowed", ())]


def case_schema_of(case: Case) -> Json:
    """The schema of a case by its rule."""
    rule = RULES.get(str(case.expect.get("rule")))
    if rule is None:
        return case_schema(object_schema({}), {"properties": {"rule": {"enum": list(RULES)}}, "required": ["rule"]})
    types = ((rule.lists, STRINGS), (rule.numbers, INTEGER), (rule.strings, STRING))
    parameters = {name: schema for names, schema in types for name in names}
    return case_schema(object_schema({}), object_schema({"rule": STRING, **parameters}, ["rule", *rule.required]))


def problems(task: Task, cases: Sequence[Case]) -> Iterator[Problem]:
    """The problems of source files that do not exist, and of rules that count something without a limit."""
    yield from missing_files(task, "source")
    for case in cases:
        limits = RULES[str(case.expect["rule"])].numbers
        if limits and not any(name in case.expect for name in limits):
            yield case_location(task, case).at("expect").problem("the rule has no limit", f"add {' or '.join(limits)}")


VOICE = ScorerKind(
    check_names,
    score_voice,
    settings=lambda task: {"source": STRINGS},
    case=lambda task, case: case_schema_of(case),
    problems=problems,
    needs_reader=True,
)
SUMMARY = replace(VOICE, judge=score_summary)
