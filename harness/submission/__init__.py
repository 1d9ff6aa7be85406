"""A results repository's pull requests: `review` checks what one adds, `prepare_branch` makes one with git alone.

A pull request adds bundles under their runs' names, edits nothing that is published, and every bundle passes `verify`.
"""

from harness.submission.answer import render_answer
from harness.submission.branch import BranchRequest, PreparedBranch, check_prerequisites, prepare_branch
from harness.submission.repository import Repository
from harness.submission.review import BundleReview, Review, ReviewRequest, review

__all__ = [
    "BranchRequest",
    "BundleReview",
    "PreparedBranch",
    "Repository",
    "Review",
    "ReviewRequest",
    "check_prerequisites",
    "prepare_branch",
    "render_answer",
    "review",
]
