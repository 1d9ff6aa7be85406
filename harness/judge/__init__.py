"""Blind judging of answers that no program can score: freeze pairs, take votes, then open who wrote what.

`prepare_pairs` and `create_judging` freeze pairs and commit to a mapping; `serve_page` takes the votes of a person,
`ask_model` those of a model; `reveal` opens the mapping. What the ballots say is computed in harness/summarize; the
functions of integrity.py and neutral.py let `verify` repeat the checks from a published result.
"""

from harness.judge.ask import JudgingModel, ask_model, judging_model, same_family
from harness.judge.folder import JudgingFolder, create_judging, open_judging
from harness.judge.integrity import answer_problem, ballot_digest, commitment_of, judging_problems, sheet_digest
from harness.judge.neutral import NeutralText, neutralize, redacted_names
from harness.judge.page import serve_page
from harness.judge.pairs import MAX_JUDGED_CHARS, MAX_PAIRS, PreparedPairs, answer_of, prepare_pairs
from harness.judge.reveal import reveal

__all__ = [
    "MAX_JUDGED_CHARS",
    "MAX_PAIRS",
    "JudgingFolder",
    "JudgingModel",
    "NeutralText",
    "PreparedPairs",
    "answer_of",
    "answer_problem",
    "ask_model",
    "ballot_digest",
    "commitment_of",
    "create_judging",
    "judging_model",
    "judging_problems",
    "neutralize",
    "open_judging",
    "prepare_pairs",
    "redacted_names",
    "reveal",
    "same_family",
    "serve_page",
    "sheet_digest",
]
