"""Kind `edits`: the task's files are edited as the answer says, then run against the cases.

An answer may hold, also mixed:
    blocks    a path on a line of its own, then `<<<<<<< SEARCH`, old lines, `=======`, new lines, `>>>>>>> REPLACE`;
              fences around them are ignored; the path may be left out where there is one file, or for the file of the
              block before; an empty old side makes a new file
    diff      a unified diff; its line numbers only choose between places that fit equally
    whole     a fenced block that is a whole file, its path in the info line, on the line before the fence, or in a
              comment on its first line; the path may be left out where there is one file
Old lines must stand in the file exactly once (rule `exact`); where they do not, lines that differ in blanks at their
ends or by one common indent are taken (rule `whitespace`). One edit that does not fit: nothing is applied.

settings      of kind `calls`: equality, entry (default: the first of files/ by name), names; and
    driver      "calls" (default) or "program": how the cases are run
    formats     the accepted formats; default ["blocks", "diff", "whole"]
    protected   files that no edit may touch (tests, a probe that imports several modules): such an edit is not applied
    least_files how many files must have changed: a check `files-changed`
    All of files/ enter the container, those that the model was not shown too.
cases.json    as of the driver. `group/name` as id: facts.groups counts each group apart ("still/ascii", "new/umlaut")
checks        `applied`, `files-changed` where least_files is set, and one a case
facts         applied, edit_format, edit_rule, edits, edits_applied, files_changed, groups
"""
