"""Kind `review`: findings against planted defects, decoys and clean code. Nothing is run.

The answer is a JSON list (alone, in a fence, or under a key `findings`) of objects with `file` (may be left out where
one file is reviewed), `line` or `lines` [from, to] or `line_start` and `line_end`, `severity`, `category`, and any of
`title`, `claim`, `description`, `message`, `fix`; or Markdown: one list item, table row or heading a finding, with
"line 12" or "lines 12-15" or "app.py:12" in it. An empty JSON list is an answer: nothing was found.

settings (all optional)
    slack_lines          how far a finding's lines may be off; default 3
    max_findings         what comes after so many findings is not read; default 40
    precision_at_least   a check `precision`: right claims / (right claims + claims on decoys and clean code)
    severity_at_least    a check `severity`: share of the found defects whose severity is at most one step off
cases.json    `give` is {} (nothing enters a container); `expect` is one of
    {"defect": [words], "file": name, "lines": [from, to], "severity": "critical"|"high"|"medium"|"low"}
              found by a finding in this file whose lines meet these and that holds one of the words (parts of words,
              lower case) in category or text; with "optional": true it is counted in facts, but is no check
    {"decoy": "why it is right", "file": name, "lines": [from, to]}    passed when no claim is made there
    {"clean": true, "file": name}, also with "lines"                   passed when no claim is made there
checks        one a case (but optional ones), `precision` and `severity` where set
facts         recall, precision, severity_exact, severity_near, findings, matched, duplicates, false_claims, unjudged
One finding goes with one defect (most pairs possible). What matches nothing judged is unjudged, never wrong.
"""
