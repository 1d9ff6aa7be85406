"""Kind `conversation`: the code of each turn by running it; tests that the model wrote, by running those.

settings      of kind `calls`: equality, entry, names (default: the functions that the turn's cases call); and
    module      the file as which a turn's tests import what they test; default: entry
    test_file   the file that the turn's tests become; default "test_answer.py"
cases.json    `give` holds `turn` (from 1), which does not enter the container, and is
    {"turn": n, "call": ...}       as of kind `calls`, on the code of that turn's reply; expect as there
    {"turn": n, "argv": ...}       as of kind `program`; give "mode": "run" where nothing else says so
    {"turn": n, "tests_on": name}  the tests of that turn's reply run with pytest on files/<name>, which stands beside
                                   them under the name of `module`; expect {"tests": "pass"} (there are some, all pass)
                                   or {"tests": "fail"} (at least one fails; a file that does not load is neither)
checks        one a case; the cases of a turn without code all fail
facts         rules (how each turn's code was found), groups, tests_right and tests_broken: the shares of right
              implementations that the tests pass and of broken ones that they catch
"""
