"""Tasks about a change of a repository's files, which its own tests judge: what mined commits and real bugs share.

`compare_states` and `prove` run the tests before and after the change, `cheating_answers` gives answers that must fail,
`keep_if_proved` writes a task and keeps it if its own answers score as they must. Where the change comes from is its
caller's.
"""

from harness.repository_tasks.admission import keep_if_proved
from harness.repository_tasks.cheats import Changes, cheating_answers, cheating_changes
from harness.repository_tasks.ecosystems import JAVASCRIPT, PYTHON, Ecosystem
from harness.repository_tasks.folder import (
    LANGUAGE_NAMES,
    LIMITS,
    MAX_SINGLE_TESTS,
    MIN_BUDGET_TOKENS,
    SYSTEM,
    WrongEntry,
    cases_of_proof,
    diff_answer,
    files_and_format,
    limits_lines,
    quoted,
    require_replaceable,
    write_with_answers,
)
from harness.repository_tasks.layout import Layout, ecosystem_of, folders_of, is_kept, layout_of
from harness.repository_tasks.leaks import leak_in, message_leaks
from harness.repository_tasks.proof import CONDITIONS, MAX_STATE_S, Proof, RejectionError, compare_states, prove

__all__ = [
    "CONDITIONS",
    "JAVASCRIPT",
    "LANGUAGE_NAMES",
    "LIMITS",
    "MAX_SINGLE_TESTS",
    "MAX_STATE_S",
    "MIN_BUDGET_TOKENS",
    "PYTHON",
    "SYSTEM",
    "Changes",
    "Ecosystem",
    "Layout",
    "Proof",
    "RejectionError",
    "WrongEntry",
    "cases_of_proof",
    "cheating_answers",
    "cheating_changes",
    "compare_states",
    "diff_answer",
    "ecosystem_of",
    "files_and_format",
    "folders_of",
    "is_kept",
    "keep_if_proved",
    "layout_of",
    "leak_in",
    "limits_lines",
    "message_leaks",
    "prove",
    "quoted",
    "require_replaceable",
    "write_with_answers",
]
