"""Kind `tools`: the calls of a tool loop, replayed on virtual files; then the files are run against the cases.

Each reading is one reply. The tools and what they answer are those of harness/tools; the files start as the task's.

settings      of kind `calls`: equality, entry (default: the first of files/ by name); and
    driver          "calls" (default) or "program"
    tools           offered tools; default ["read_file", "grep", "edit_file"]
    max_turns       how many replies the loop asks for at most; default 10
    first_call      a check `first-call`: the first reply calls this tool, with valid arguments
    invalid_at_most how many calls may be invalid, for the check `calls-valid`; default 0
    wasted_at_most  a check `calls-useful`: how many calls may be wasted (a repeat that nothing had changed since, a
                    file that is not there, an edit that does not apply)
    protected       files that edit_file refuses to touch
cases.json    as of the driver; they run on the files as the last call left them. May be empty: then only calls count
checks        `first-call` where set, `calls-valid`, `calls-useful` where set, `applied` (an edit changed a file;
              only where there are cases), and one a case
facts         calls, invalid_calls, wasted_calls, turns, narrated_first, edits_applied, edits_refused,
              files_changed, groups
An answer without a single call is no answer.
"""
