"""What EvalPlus knows of single problems: which arguments are no lists, and which results are right, too.

`test_code` writes the tests of a problem: the reference and an answer on each of its inputs. JSON has no tuples, sets
or complex numbers, so EvalPlus makes them again by the number of a problem (evalplus/data/mbpp.py, version 0.3.1). Some
prompts leave the order of a result open, or more than one result (evalplus/eval/_special_oracle.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.sets.problem import UnusableError

TEST_NAME = "_compare"
"""The test function. Every name of the tests begins with "_": a reference may be called `check`, as one of MBPP is."""
_MBPP_NUMBER = re.compile(r"Mbpp/(\d{1,9})")
_CLOSE = "_is_close(got, want, tolerance)"


@dataclass(frozen=True, slots=True)
class EvalPlusRules:
    """The rules of a set for single problems.

    `shapes` has the shapes of arguments by a problem's number: a letter per level, of T tuple, L list, S set, D the
    values of an object, C complex number, F float, A tuples at every level. The last one holds for all arguments after
    it. `oracles` has expressions of `got`, `want`, `given` and `tolerance` by the name of the function; "" accepts all.
    """

    shapes: Mapping[int, Sequence[str]]
    oracles: Mapping[str, str]


def _by_number(table: Mapping[tuple[str, ...], Sequence[int]]) -> dict[int, Sequence[str]]:
    return {number: shapes for shapes, numbers in table.items() for number in numbers}


MBPP_RULES = EvalPlusRules(
    shapes=_by_number(
        {
            ("T",): (
                2, 116, 132, 143, 222, 261, 273, 394, 399, 421, 424, 429, 470, 560, 579, 596, 616, 630, 726, 740, 744,
                809,
            ),
            ("LT",): (63, 64, 70, 94, 120, 237, 272, 299, 400, 409, 417, 438, 473, 614, 780),
            ("TT",): (259, 278, 401, 445),
            ("A",): (580, 615, 791),
            ("T", ""): (250, 307, 405, 446, 617, 720, 763, 808),
            ("LT", ""): (75, 413, 444, 753),
            ("", "T"): (106, 750),
            ("DT", ""): (722,),
            ("LS",): (115,),
            ("F", "C"): (124,),
            ("C",): (252,),
        }
    ),
    oracles={
        **dict.fromkeys(
            (
                "similar_elements", "find_char_long", "common_in_nested_lists", "extract_singly", "larg_nnum",
                "intersection_array", "find_dissimilar", "Diff",
            ),
            f"{_CLOSE} or set(got) == set(want)",
        ),
        # These references give a match or None, where the prompts' results are True and False.
        **dict.fromkeys(
            ("check_str", "text_match_three", "text_starta_endb"),
            "(got if isinstance(got, bool) else got is not None) == (want is not None)",
        ),
        "are_equivalent": "",
        "sum_div": f"{_CLOSE} or got == 0",
        "surface_Area": f"{_CLOSE} or abs(got - _pyramid_surface(*given)) <= tolerance",
        "digit_distance_nums": f"{_CLOSE} or got == _padded_digit_distance(*given)",
    },
)  # fmt: skip
HUMAN_EVAL_RULES = EvalPlusRules(shapes={}, oracles={"find_zero": "abs(_polynomial(*given, got)) <= tolerance"})
_CODE = """
import copy as _copy
import json as _json
import math as _math

{reference}

_INPUTS = {inputs!r}
_SHAPES = {shapes!r}


def _restored(value, shape):
    kind, inner = shape[:1], shape[1:]
    if kind in ("C", "F"):
        return complex(value) if kind == "C" else float(value)
    if kind == "D" and isinstance(value, dict):
        return {{key: _restored(item, inner) for key, item in value.items()}}
    if not kind or not isinstance(value, list):
        return value
    items = [_restored(item, shape if kind == "A" else inner) for item in value]
    if kind == "S":
        return set(items) if items else {{}}
    return items if kind == "L" else tuple(items)


def _arguments(given):
    return [_restored(value, _SHAPES[min(at, len(_SHAPES) - 1)]) for at, value in enumerate(given)]


def _is_close(got, want, tolerance):
    if got == want or (got != got and want != want):
        return True
    if isinstance(want, float) or isinstance(got, float):
        return abs(want) != _math.inf and abs(got - want) <= tolerance + 1e-07 * abs(want)
    if isinstance(want, (list, tuple)) and type(got) is type(want):
        return len(got) == len(want) and all(_is_close(*pair, tolerance) for pair in zip(got, want))
    if isinstance(want, dict) and type(got) is dict:
        return got.keys() == want.keys() and all(_is_close(got[key], want[key], tolerance) for key in want)
    return False


def _pyramid_surface(side, height):
    return round(side * side + 2 * side * _math.hypot(side / 2, height))


def _padded_digit_distance(one, other):
    width = max(len(str(one)), len(str(other)))
    return sum(abs(int(a) - int(b)) for a, b in zip(str(one).zfill(width), str(other).zfill(width)))


def _polynomial(coefficients, x):
    return sum(coefficient * _math.pow(x, power) for power, coefficient in enumerate(coefficients))


def _is_right(got, want, given, tolerance):
    try:
        return {oracle}
    except (TypeError, ValueError, ArithmeticError):
        return False


def {test_name}(candidate):
    for given in map(_arguments, _json.loads(_INPUTS)):
        want = {entry}(*_copy.deepcopy(given))
        got = candidate(*_copy.deepcopy(given))
        assert _is_right(got, want, given, {tolerance}), given
"""


def test_code(rules: EvalPlusRules, texts: Mapping[str, str], reference: str, inputs: str, tolerance: float) -> str:
    """Python code whose TEST_NAME compares an answer with the reference on inputs, a JSON text. Raises UnusableError.

    `texts` are those of the problem's row.
    """
    number, entry = _MBPP_NUMBER.fullmatch(texts["task_id"]), texts["entry_point"]
    oracle = rules.oracles.get(entry, _CLOSE)
    if not oracle:
        raise UnusableError("EvalPlus accepts every result of its function")
    shapes = rules.shapes.get(int(number[1]), ()) if number else ()
    return _CODE.format(
        reference=reference,
        inputs=inputs,
        shapes=tuple(shapes) or ("",),
        oracle=oracle,
        test_name=TEST_NAME,
        entry=entry,
        tolerance=tolerance,
    ).lstrip()
