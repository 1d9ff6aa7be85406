"""The working tree that an agent leaves: taken out of its archive, cleaned, and written as a patch.

`pack_tree` makes the archive that a container gets, and `read_tree` reads the one that it gives back; `make_patch` and
`apply_patch` turn a tree into a unified diff against the task's and back, `clean_tree` leaves only the changes that the
task allows. A tree is text in memory: nothing of it is ever written to the host's disk or run there.
"""

from harness.trees.archive import (
    MAX_ARCHIVE_BYTES,
    MAX_FILE_BYTES,
    MAX_FILES,
    MAX_TREE_BYTES,
    ORDINARY_REASONS,
    TOOL_FOLDERS,
    pack_tree,
    read_tree,
)
from harness.trees.clean import CleanTree, clean_tree, matches
from harness.trees.git import HTTPS, run_git
from harness.trees.patch import HUNK_RANGES, PatchError, apply_patch, lines_of, make_patch
from harness.trees.tree import ExcludedPath, FinalTree, blocking_files, path_problem, text_of

__all__ = [
    "HTTPS",
    "HUNK_RANGES",
    "MAX_ARCHIVE_BYTES",
    "MAX_FILES",
    "MAX_FILE_BYTES",
    "MAX_TREE_BYTES",
    "ORDINARY_REASONS",
    "TOOL_FOLDERS",
    "CleanTree",
    "ExcludedPath",
    "FinalTree",
    "PatchError",
    "apply_patch",
    "blocking_files",
    "clean_tree",
    "lines_of",
    "make_patch",
    "matches",
    "pack_tree",
    "path_problem",
    "read_tree",
    "run_git",
    "text_of",
]
