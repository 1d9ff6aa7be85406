"""Kinds `voice` and `summary`: a text against rules, each a pure checker that tells its spans. Nothing is run.

settings      `source`: names of files/ whose texts the answer may draw on; default: the whole prompt, system and turns
cases.json    `give` is {}; `expect` is {"rule": name, ...}:
    no_em_dash                              neither U+2014, nor U+2013 or `--` between spaces
    no_phrases  phrases [texts]             none of these, as whole words in any case
    no_emoji, no_hashtags, no_lists, no_headings, no_first_person, no_exclamation, no_links, no_questions
    no_new_numbers  allowed [texts]         no number that is not in the source (1,200 = 1200; "three" = 3), nor allowed
    no_new_names    allowed [texts]         no capitalised name (not at a sentence's start) that is not in the source
    words, sentences, paragraphs, characters    min, max (either may be left out)
    sentence_words  max                     no sentence of more words
    says    any [texts], section            one of these stands in the text, or in that section; * at the end of a text
                                            stands for any ending of its word
    avoids  any [texts], unless [texts]     none of these stands in a sentence that holds none of `unless`
    sections  titles [texts]                exactly these headings, in this order, each with text below it
    starts, ends  any [texts]               the text starts (ends) with one of these
checks        one a case; strict, as the text was written
facts         loose: the checks that pass for one of: first line dropped, last line dropped, both, and each with * and _
              marks taken out; loose_passed; strict_passed; words; for `summary` also facts_kept, facts_total,
              superseded, new_numbers, new_names
An empty text is no answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.score.compare import short
from harness.score.extraction.fences import blocks_of
from harness.score.extraction.template_tokens import clean
from harness.score.prose.numerals import ungrounded
from harness.score.prose.rules import RULES, Held, Ruled, new_names
from harness.score.prose.segments import words
from harness.score.settings import Demands
from harness.score.verdict import Judgment, nothing
from harness.types import Case, Check, Json, Reading, Sandbox, Task, Variant

SETTINGS = ("source",)
_TEXT_LABELS = ("", "text", "txt", "markdown", "md", "plaintext")
_LISTED = 12


def check_names(variant: Variant) -> tuple[str, ...]:
    """The checks' names."""
    return tuple(case.id for case in variant.cases)


def text_of(answer: str) -> tuple[str, str]:
    """The text of an answer, and how it was found: whole, or the one fence that holds all of it."""
    text = clean(answer).strip()
    blocks = blocks_of(text)
    if len(blocks) == 1 and text.startswith(("```", "~~~")) and blocks[0].label in _TEXT_LABELS:
        inside = blocks[0].text.strip()
        if len(words(inside)) == len(words(text)) - len(words(blocks[0].info)):
            return inside, "fenced-text"
    return text, "text"


def source_of(variant: Variant) -> str:
    """What the answer may draw on: the files that settings.source names, else the whole prompt."""
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


def _rule(case: Case, text: str, source: str) -> Ruled:
    return RULES[str(case.expect["rule"])].check(Held(text, case.expect, source))


def _check(case: Case, text: str, source: str) -> Check:
    ruled = _rule(case, text, source)
    return Check(case.id, ruled.passed, short(dict(case.expect)), short(ruled.seen))


def _summary_facts(variant: Variant, checks: Sequence[Check], text: str, source: str) -> dict[str, Json]:
    rules = [str(case.expect["rule"]) for case in variant.cases]
    said = [check.passed for rule, check in zip(rules, checks, strict=True) if rule == "says"]
    avoided = [check.passed for rule, check in zip(rules, checks, strict=True) if rule == "avoids"]
    allowed = {
        name: [one for case in variant.cases if case.expect["rule"] == name for one in case.expect.get("allowed", ())]
        for name in ("no_new_numbers", "no_new_names")
    }
    held = Held(text, {"allowed": allowed["no_new_names"]}, source)
    numbers = ungrounded(text, source, allowed["no_new_numbers"])
    return {
        "facts_kept": sum(said),
        "facts_total": len(said),
        "superseded": len(avoided) - sum(avoided),
        "new_numbers": list(dict.fromkeys(one.text for one in numbers))[:_LISTED],
        "new_names": list(dict.fromkeys(span.text for span in new_names(held)))[:_LISTED],
    }


def score_prose(variant: Variant, readings: Sequence[Reading], sandbox: Sandbox) -> Judgment:
    """Hold the last turn's text to the rules; the sandbox is not used."""
    del sandbox
    text, rule = text_of(readings[-1].content)
    if not words(text):
        return nothing(check_names(variant), "the answer is empty")
    source = source_of(variant)
    checks = tuple(_check(case, text, source) for case in variant.cases)
    readings_of_text = list(loosened(text))
    loose = {case.id: any(_rule(case, one, source).passed for one in readings_of_text) for case in variant.cases}
    facts: dict[str, Json] = {
        "strict_passed": sum(check.passed for check in checks),
        "loose_passed": sum(loose.values()),
        "loose": loose,
        "words": len(words(text)),
    }
    more = _summary_facts(variant, checks, text, source) if variant.task.scorer == "summary" else {}
    return Judgment(checks, rule, facts={**facts, **more})


def _demand_rule(at: Demands, case: Case) -> None:
    rule = RULES.get(str(case.expect.get("rule")))
    if rule is None:
        at.fault("expect.rule", f"is {case.expect.get('rule')!r}; write one of {', '.join(RULES)}")
        return
    at.only(case.expect, ("rule", *rule.lists, *rule.numbers, *rule.texts), "expect")
    for key in rule.lists:
        at.texts(case.expect, key, "expect", needed=key in rule.needs)
    for key in rule.numbers:
        at.of_type(case.expect, key, int, "expect", needed=key in rule.needs)
    for key in rule.texts:
        at.of_type(case.expect, key, str, "expect", needed=key in rule.needs)
    if rule.numbers and not any(key in case.expect for key in rule.numbers):
        at.fault("expect", f"bounds nothing; write at least one of {', '.join(rule.numbers)}")


def problems(task: Task, cases: Sequence[Case]) -> list[str]:
    """What is wrong with a task of this kind."""
    demands = Demands(task)
    demands.settings(SETTINGS)
    demands.texts(task.settings, "source")
    for name in task.settings.get("source", ()):
        if name not in task.files:
            demands.fault("source", f"files/{name} is not there; write it or take the name out")
    demands.some(cases)
    for case in cases:
        at = demands.case(case)
        at.only(case.give, (), "give")
        _demand_rule(at, case)
    return demands.found
