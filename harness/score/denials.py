"""Whether a claim about code calls the code right, and so finds no defect.

`is_denial` says so of a whole claim: "the path is safe" is a denial; "nothing checks that the path is safe" complains
that nobody knows. `without_all_clear` takes weaker words out, such as "correctly avoids it", which also a remark on the
fix has: a claim is what its other sentences say. Both know words and the clause that they stand in, not meaning.
"""

from __future__ import annotations

import re

_FAULT = r"(?:issue|problem|defect|risk|flaw)s?|vulnerabilit(?:y|ies)"
# "There is no risk assessment" misses a thing of another name, and "he has no problem reading it" complains.
_NO_OTHER_THING = (
    r"(?! (?:analysis|assessment|check|control|defen[cs]e|detection|filter|guard|limit|mitigation|prevention|"
    r"protection|report|scan|test|to|\w+ing)\b)"
)
_DENIAL = re.compile(
    r"(?:\b(?:is|are|(?P<impression>looks|seems)) (?:(?:all|perfectly|completely|quite) )?"
    r"(?:safe|fine|ok|okay|correct|secure|"
    # "It is good practice to close it", "the key is right there in the source"
    r"(?:good|right)(?! (?:above|after|at|away|behind|below|beside|habit|idea|in|next|on|practice|style|there)\b))\b"
    r"(?! (?:only|when|if|unless|for|against|from|until|enough|at first)\b)"
    # "A check that the path is safe is missing."
    r"(?! (?:is|are|was|were) (?:missing|absent|lacking|needed|required|never|not)\b)|"
    rf"\b(?:no|not an?|not any) (?:{_FAULT})\b{_NO_OTHER_THING}|"
    r"\bnot (?:vulnerable|exploitable)|\bnothing (?:is )?wrong|\bfalse positive(?! of\b)|"
    # As the last words of a claim they are said of all of it.
    r"(?:^|[.!?;:(–—] )(?:(?:this|it|that) is )?(?:already )?(?:checked|done|guarded|handled|prevented|protected) "
    r"(?:correctly|properly|safely|well)[.!) ]*$|\bno (?:action|change|fix) (?:is )?(?:needed|required)(?=[.:;,!]|$))"
)
_HERE_IT_IS = re.compile(r"[^.!?]{0,80}?\bbut (?:here|in this|it is|not (?:for|in|on|when)|this one)\b")
_OTHER_PLACE = re.compile(r"\b(?:apart from|aside from|else|elsewhere|except for|others?|remaining|rest)\b")
"""What says before "is safe", in the same clause, that it is said of another place: "the rest is fine"."""
_QUALIFYING_WORD = r"(?!(?:against|for|from|of|on|that|to|which|check|guard)\b|\w+(?:s|ed|ing|ion|ment)\b)\w+ "
_WITHOUT_LIMITS = r"\b(?!.{0,80}\b(?:but|elsewhere|except|however|if|only|though|unless|unlike|until|when|yet)\b)"
_ALL_CLEAR = re.compile(
    rf"(?:\bno|\bnot any|n['’]t an?|n['’]t any) (?:{_QUALIFYING_WORD}){{0,2}}"
    rf"(?:{_FAULT}|concerns?|danger|exposure|hole|injection|leak|threat|traversal|trouble|weakness)\b{_NO_OTHER_THING}|"
    r"\b(?:correctly|properly|safely) (?:avoid|block|check|clos|escap|handl|parameteri[sz]|prevent|protect|quot|"
    rf"reject|releas|saniti[sz]|validat)(?:e?s|ed){_WITHOUT_LIMITS}|"
    rf"\b(?:guarded|protected|safe) (?:against|from){_WITHOUT_LIMITS}|"
    rf"\b(?:is|are|looks|seems) (?:harmless|sound){_WITHOUT_LIMITS}|n['’]t (?:vulnerable|exploitable)\b|"
    r"\bit is not true that\b(?!.{0,80}\b(?:check|correct|guard|guarantee|protect|safe|secure|valid)\w*)|"
    r"\bnothing to (?:complain|do with|fix|report|worry)\b|\b(?:done well|well done)\b"
)
"""What says that there is nothing, unless its sentence misses or wishes it: "use a list, so there is no injection"."""
_LACK = (
    r"(?:\b(?:no|not|nothing|nobody|nowhere|never|neither|nor|cannot|without|lack\w*|miss\w*|fail\w*|"
    r"forg(?:et|ets|etting|ot|otten)|skip\w*|omit\w*|neglect\w*|only|merely|must|should|"
    r"needs? to|ha(?:s|ve) to|ought to)\b|n['’]t\b)"
)
_KNOWLEDGE = (
    r"(?:ask\w*|assert\w*|assur\w*|check\w*|clear|certain|confirm\w*|enforc\w*|ensur\w*|establish\w*|guarantee\w*|"
    r"know\w*|mak(?:e|es|ing) sure|pro(?:ve|of|ved|ves|ving|ofs)|sure|test\w*|validat\w+|verif\w+)\b"
)
_UNKNOWN = re.compile(
    rf"{_LACK}(?:\W+\w+){{0,4}}?\W+{_KNOWLEDGE}|"
    r"\b(?:whether|if|when|unless|assumes|assumed|assuming|presum\w+|pretend\w*|trusts|trusted|trusting)\b"
)
"""What says before "is safe", in the same clause, that it is not known to be so."""
_CLAUSE_START = re.compile(
    r"[.,;:!?()|]\s|\b(?:since|because|so|but|therefore|hence|thus|although|though|while|"
    r"as (?:it|the|this)|and (?:it|this|that|they|all|everything))\b"
)
_MISSED_OR_WISHED = re.compile(
    rf"{_LACK}|\b(?:be|before|being|could|else|elsewhere|ensur\w*|if|instead|makes?|making|others?|rather|recommend\w*|"
    r"remaining|requir\w*|rest|so|sure|then|to|unlike|use|using|would)\b"
)
_SENTENCE_END = re.compile(r"(?<=[.!?;])\s|,? \b(?=(?:whereas|while)\b)")
_MAX_CLAUSE_CHARS = 300
_CONTRAST = re.compile(r",? (?:but|yet|until)\b")


def is_denial(text: str) -> bool:
    """Whether a text, in lower case and with single spaces, says that there is no defect."""
    return any(not _is_complaint(text, denial) for denial in _DENIAL.finditer(text))


def without_all_clear(text: str) -> str:
    """Such a text without the sentences which say that something is in order, be it this code or what it should be."""
    return " ".join(sentence for sentence in _SENTENCE_END.split(text) if not _is_all_clear(sentence))


def _is_all_clear(sentence: str) -> bool:
    return any(not _MISSED_OR_WISHED.search(sentence[: clear.start()]) for clear in _ALL_CLEAR.finditer(sentence))


def _is_complaint(text: str, denial: re.Match[str]) -> bool:
    if denial["impression"] and _CONTRAST.match(text, denial.end()):
        return True
    before = text[max(0, denial.start() - _MAX_CLAUSE_CHARS) : denial.start()]
    starts = [start.end() for start in _CLAUSE_START.finditer(before)]
    clause = before[starts[-1] if starts else 0 :]
    is_elsewhere = _OTHER_PLACE.search(clause) or _HERE_IT_IS.match(text, denial.end())
    return is_elsewhere is not None or _UNKNOWN.search(clause) is not None
