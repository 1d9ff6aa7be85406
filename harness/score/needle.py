"""Kind `needle`: values that stand at known depths of a long text, asked for as one JSON object. Nothing is run.

The answer is a JSON object, alone or in a fence: {"key": "value", ...}; null says that the text does not hold it.

settings (optional)
    precision_at_least   for the check `precision`; default 1.0
cases.json    `give` is {}; `expect` is one of
    {"key": name, "any": [texts or numbers], "depth": 0.0 to 1.0}   the value, in any of these writings; "old": [texts]
              names superseded values, counted apart
    {"key": name, "absent": true}                                   is not in the text: right as null or left out
Values are compared without case, blanks at the ends, quotes and thousands separators; numbers by value.
checks        one a case, and `precision`: right values / all values given
facts         recall, precision, recall_by_depth, superseded, invented (keys not asked for, values for absent ones)
An answer that holds no JSON object is no answer.
"""
