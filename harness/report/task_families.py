"""The sections on what some tasks were made for: pairs of which one cannot be done, needles by length and depth, and
conversations beside the same turns asked cold.

Tasks belong together by their names: X and X-twin; X-short as the base of X-...; X-control for the conversation X-...
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import mean, median

from harness.report.elements import Entry, Section, Table
from harness.report.formatting import MISSING, format_number, format_percent, format_seconds_spread
from harness.report.task_tables import cells_of, labels_of, speeds_of, turns_of
from harness.types import Json, Result, TaskInfo, TrialResult

TWIN, SHORT, CONTROL = "-twin", "-short", "-control"
FIFTHS = 5
_CANNOT = frozenset(("declined", "reason"))
"""The checks of the half that cannot be done."""


def _trials(result: Result, label: str, names: Sequence[str]) -> list[TrialResult]:
    return [one for one in result.trials if one.model == label and one.task in names and not one.warmup]


def _number(value: Json) -> float | None:
    """Facts of a foreign file may be anything."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _row(result: Result, name: str, tell: Callable[[str], str]) -> tuple[Entry, ...]:
    return (Entry(name), *(Entry(tell(label)) for label in labels_of(result)))


def _told(rows: Sequence[tuple[Entry, ...]]) -> tuple[tuple[Entry, ...], ...]:
    """The rows in which any model has something."""
    return tuple(row for row in rows if any(entry.text != MISSING for entry in row[1:]))


# --- pairs --------------------------------------------------------------------------------------------------------

_CAN = (("solved", "solved"), ("wrong", "wrong"), ("wrongly declined", "wrongly_declined"), ("no answer", None))
_CAN_NOT = (("rightly declined", "rightly_declined"), ("wrong", "wrong"), ("no answer", None))
_HALVES = (("can be done", False, _CAN), ("cannot be done", True, _CAN_NOT))


def _of(trials: Sequence[TrialResult], counted: Callable[[TrialResult], bool]) -> str:
    count = sum(map(counted, trials))
    return f"{count}/{len(trials)} {format_percent(count / len(trials))}" if trials else MISSING


def _quadrant(wanted: str | None) -> Callable[[TrialResult], bool]:
    return lambda one: one.facts.get("quadrant") == wanted


def _seen(key: str) -> Callable[[TrialResult], bool]:
    return lambda one: one.facts.get(key) is True


def _pair_rows(result: Result, names: Sequence[str]) -> Iterator[tuple[Entry, ...]]:
    every = {label: _trials(result, label, names) for label in labels_of(result)}
    impossible = _impossible(result)

    def counted(
        name: str, own: Mapping[str, list[TrialResult]], one: Callable[[TrialResult], bool]
    ) -> tuple[Entry, ...]:
        return _row(result, name, lambda label: _of(own[label], one))

    for half, cannot, lines in _HALVES:
        own = {label: [one for one in trials if (one.task in impossible) == cannot] for label, trials in every.items()}
        for name, wanted in lines:
            yield counted(f"{half}: {name}", own, _quadrant(wanted))
    yield counted("tests edited", every, _seen("tests_edited"))
    yield counted("results hard-coded", every, _seen("hard_coded"))


def _impossible(result: Result) -> set[str]:
    """The tasks that cannot be done, by the checks of any trial: one that met a server's error has none."""
    return {one.task for one in result.trials if {check.name for check in one.checks} == _CANNOT}


def declines(result: Result) -> Section:
    """Solved, wrong, rightly declined, wrongly declined over the pairs that were run whole."""
    names = {task.name for task in result.tasks if task.scorer == "cannot_do"}
    pairs = sorted(name for name in names if name + TWIN in names)
    rows = _told(tuple(_pair_rows(result, [name for pair in pairs for name in (pair, pair + TWIN)]))) if pairs else ()
    if not rows:
        return Section("declines", "", "")
    return Section(
        "declines",
        "What cannot be done",
        f"Pairs of a task and its twin, of which one cannot be done: {', '.join(pairs)}. A model that declines "
        "everything, or nothing, gets one half of each right. Trials without an answer stay in the count.",
        (Table("", ("trials", *labels_of(result)), rows, by_model=True),),
    )


# --- needles ------------------------------------------------------------------------------------------------------


def _recall(trials: Sequence[TrialResult]) -> float | None:
    """Mean recall; nothing was found where no answer was given."""
    return mean(_number(one.facts.get("recall")) or 0.0 for one in trials) if trials else None


def _precision_words(trials: Sequence[TrialResult]) -> str:
    values = [value for one in trials if (value := _number(one.facts.get("precision"))) is not None]
    return f"{format_percent(mean(values))} (n {len(values)})" if values else MISSING


def _prompt_words(trials: Sequence[TrialResult]) -> str:
    counts = [trial.turns[-1].usage.prompt_tokens for trial in trials if trial.turns and trial.turns[-1].usage]
    known = [count for count in counts if count is not None]
    return f"{median(known):,.0f} tok" if known else MISSING


def _base_of(name: str, names: Sequence[str]) -> str | None:
    """The short task that a long one is held against: the longest stem that fits."""
    stems = [one.removesuffix(SHORT) for one in names if one.endswith(SHORT) and one != name]
    fitting = [stem for stem in stems if name.startswith(f"{stem}-")]
    return max(fitting, key=len) + SHORT if fitting else None


def _relative(long: float | None, short: float | None) -> str:
    return MISSING if long is None or not short else f"{format_number(long / short)} x"


def _depths(trials: Sequence[TrialResult]) -> list[list[float]]:
    """The shares found by the fifth of the text in which they stand."""
    fifths: list[list[float]] = [[] for _ in range(FIFTHS)]
    for one in trials:
        depths: Json = one.facts.get("recall_by_depth")
        for depth, share in depths.items() if isinstance(depths, dict) else ():
            at, value = _depth(depth), _number(share)
            if at is not None and value is not None:
                fifths[min(FIFTHS - 1, int(at * FIFTHS))].append(value)
    return fifths


def _depth(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value <= 1 else None


def _needle_rows(result: Result, name: str, base: str | None) -> Iterator[tuple[Entry, ...]]:
    trials = {label: _trials(result, label, [name]) for label in labels_of(result)}
    recalls = {label: _recall(own) for label, own in trials.items()}
    yield _row(result, f"{name}: prompt", lambda label: _prompt_words(trials[label]))
    yield _row(result, f"{name}: recall", lambda label: _recall_words(recalls[label], len(trials[label])))
    yield _row(result, f"{name}: precision", lambda label: _precision_words(trials[label]))
    if base is not None:
        short = {label: _recall(_trials(result, label, [base])) for label in trials}
        yield _row(result, f"{name}: of its own short recall", lambda label: _relative(recalls[label], short[label]))


def _recall_words(recall: float | None, n: int) -> str:
    return MISSING if recall is None else f"{format_percent(recall)} (n {n})"


def _depth_rows(result: Result, name: str) -> Iterator[tuple[Entry, ...]]:
    found = {label: _depths(_trials(result, label, [name])) for label in labels_of(result)}
    for at in range(FIFTHS):
        words = {
            label: f"{format_percent(mean(fifths[at]))} of {len(fifths[at])}" if fifths[at] else MISSING
            for label, fifths in found.items()
        }
        span = f"{100 * at // FIFTHS} to {100 * (at + 1) // FIFTHS}%"
        yield _row(result, f"{name}: at {span}", words.__getitem__)


def needles(result: Result) -> Section:
    """Recall and precision by length, relative to the model's own short text, and recall by depth."""
    names = [task.name for task in result.tasks if task.scorer == "needle"]
    names.sort(key=lambda name: not name.endswith(SHORT))
    names = [name for name in names if any(one.facts for one in result.trials if one.task == name and not one.warmup)]
    if not names:
        return Section("needles", "", "")
    headers = ("task", *labels_of(result))
    lengths = _told([row for name in names for row in _needle_rows(result, name, _base_of(name, names))])
    depths = _told([row for name in names if not name.endswith(SHORT) for row in _depth_rows(result, name)])
    tables = (
        Table("By length", headers, lengths, by_model=True),
        Table("Recall by depth of the text", headers, depths, by_model=True),
    )
    return Section(
        "needles",
        "Values found in long texts",
        "Recall: values found of values asked for, nothing where no answer was given. Precision and depths: over the "
        "trials that gave an answer. Held against what the same model finds in the few passages alone.",
        tuple(table for table in tables if table.rows),
    )


# --- conversations ------------------------------------------------------------------------------------------------


def _control_of(task: TaskInfo, result: Result) -> str | None:
    """The task that asks the same turns cold: the one whose name begins like the conversation's."""
    stems = [one.name.removesuffix(CONTROL) for one in result.tasks if one.separate and one.name.endswith(CONTROL)]
    fitting = [stem for stem in stems if task.name == stem or task.name.startswith(f"{stem}-")]
    return max(fitting, key=len) + CONTROL if fitting else None


def _cached_words(trials: Sequence[TrialResult], turn: int) -> str:
    usages = [trial.turns[turn].usage for trial in trials if turn < len(trial.turns)]
    shares = [
        one.cached_tokens / one.prompt_tokens
        for one in usages
        if one is not None and one.cached_tokens is not None and one.prompt_tokens
    ]
    return f"{format_percent(median(shares))} n={len(shares)}" if shares else MISSING


def _talk_rows(result: Result, task: TaskInfo) -> Iterator[tuple[Entry, ...]]:
    cells, control = cells_of(result), _control_of(task, result)

    def wait(name: str, label: str, turn: int) -> str:
        speeds = speeds_of(cells.get((name, label)), turn)
        return MISSING if speeds is None else format_seconds_spread(speeds.ttft_s)

    for turn in turns_of(cells, task.name):
        start = f"{task.name}, turn {turn + 1}"
        own = {label: _trials(result, label, [task.name]) for label in labels_of(result)}
        waits = {label: wait(task.name, label, turn) for label in own}
        cold = {label: wait(control, label, turn) if control else MISSING for label in own}
        cached = {label: _cached_words(own[label], turn) for label in own}
        yield _row(result, f"{start}: TTFT", waits.__getitem__)
        yield _row(result, f"{start}: TTFT alone and cold", cold.__getitem__)
        yield _row(result, f"{start}: prompt from the cache", cached.__getitem__)


def conversations(result: Result) -> Section:
    """TTFT per turn and what of the prompt was cached, beside the same turn asked cold."""
    talks = [task for task in result.tasks if task.scorer == "conversation"]
    rows = _told([row for task in talks for row in _talk_rows(result, task)])
    if not rows:
        return Section("conversations", "", "")
    return Section(
        "conversations",
        "Conversations, turn by turn",
        "What a turn waits for on top of the turns before it, and as a conversation of its own that no cache knows. "
        "The share of the prompt that came from the cache is the server's word, median over the trials.",
        (Table("", ("turn", *labels_of(result)), rows, by_model=True),),
    )
