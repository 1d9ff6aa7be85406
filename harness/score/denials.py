"""Whether a claim about code calls the code right, and so finds no defect.

`is_denial` is the entry point. "The path is safe" is a denial; "nothing checks that the path is safe" complains that
nobody knows. It knows words and the clause that they stand in, not meaning.
"""

from __future__ import annotations

import re

_DENIAL = re.compile(
    r"\b(?:(?:is|are|(?P<impression>looks|seems)) (?:(?:all|perfectly|completely|quite) )?"
    r"(?:safe|fine|ok|okay|correct|good|secure|right)\b"
    r"(?! (?:only|when|if|unless|for|against|until|enough|at first)\b)"
    # "A check that the path is safe is missing."
    r"(?! (?:is|are|was|were) (?:missing|absent|lacking|needed|required|never|not)\b)|"
    r"(?:no|not an?|not any) (?:issue|problem|vulnerability|defect|risk|flaw)\b"
    # "There is no risk assessment" misses a thing of another name.
    r"(?! (?:analysis|assessment|check|detection|handling|report|scan|tracking))|"
    r"not vulnerable|not exploitable|nothing (?:is )?wrong|false positive)"
)
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
_MAX_CLAUSE_CHARS = 300
_CONTRAST = re.compile(r",? (?:but|yet|until)\b")


def is_denial(text: str) -> bool:
    """Whether a text, in lower case and with single spaces, says that there is no defect."""
    return any(not _is_complaint(text, denial) for denial in _DENIAL.finditer(text))


def _is_complaint(text: str, denial: re.Match[str]) -> bool:
    if denial["impression"] and _CONTRAST.match(text, denial.end()):
        return True
    before = text[max(0, denial.start() - _MAX_CLAUSE_CHARS) : denial.start()]
    starts = [start.end() for start in _CLAUSE_START.finditer(before)]
    return _UNKNOWN.search(before, starts[-1] if starts else 0) is not None
