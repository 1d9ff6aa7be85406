"""`loads` and `dumps` of JSON, on the C functions that the package `json` itself stands on.

The package imports regular expressions, enumerations and more before it does anything, which is about a tenth of the
CPU time of a whole container. The image has one version of Python, so its private functions can be relied on.
"""

from _json import encode_basestring_ascii, make_encoder, make_scanner


class _Context:
    strict = True
    object_hook = object_pairs_hook = None
    parse_float, parse_int = float, int
    parse_constant = float


def _no_default(value):
    raise TypeError(type(value).__name__)


_scan = make_scanner(_Context())
_encode = make_encoder(None, _no_default, encode_basestring_ascii, None, ":", ",", False, False, False)


def loads(data):
    """The value of a JSON text, given as bytes without whitespace around it."""
    return _scan(data.decode("utf-8"), 0)[0]


def dumps(value):
    """JSON text of plain values, ASCII only."""
    return "".join(_encode(value, 0))
