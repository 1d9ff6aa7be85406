"""Sections on task families: solvable and unsolvable pairs, real bugs and their twins, needles by length and depth,
conversations by turn.

Tasks of a family are related by their names: X and X-twin are a pair; X-short is the baseline of X-...; X-control
asks the turns of the conversation X-... each on its own and cold.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import mean, median

from harness.report.elements import Entry, Section, Table
from harness.report.formatting import MISSING, format_number, format_percent, format_seconds_spread
from harness.report.task_tables import Cells, cells_of, labels_of, speeds_of, turns_of
from harness.types import TWIN, Json, Outcome, Result, TaskInfo, TrialResult, TwinGap

SHORT, CONTROL = "-short", "-control"
DEPTH_BINS = 5
_UNSOLVABLE_CHECKS = frozenset(("declined", "reason", "no-code"))
"""The checks of a task that cannot be done."""

Row = tuple[Entry, ...]
Trials = Sequence[TrialResult]


def _trials(result: Result, label: str, names: Sequence[str]) -> list[TrialResult]:
    return [trial for trial in result.counted_trials if trial.model == label and trial.task in names]


def _number(value: Json) -> float | None:
    """A numeric metric; metrics of an untrusted file may have any type."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _row(result: Result, name: str, value_of: Callable[[str], str]) -> Row:
    """A row with one value per model, by its label."""
    return (Entry(name), *(Entry(value_of(label)) for label in labels_of(result)))


def _rows_with_data(rows: Sequence[Row]) -> tuple[Row, ...]:
    return tuple(row for row in rows if any(entry.text != MISSING for entry in row[1:]))


# --- pairs --------------------------------------------------------------------------------------------------------

_SOLVABLE_ROWS = (
    ("solved", "solved"),
    ("wrong", "wrong"),
    ("wrongly declined", "wrongly_declined"),
    ("no answer", None),
)
_UNSOLVABLE_ROWS = (("correctly declined", "rightly_declined"), ("wrong", "wrong"), ("no answer", None))
_HALVES = (("solvable", False, _SOLVABLE_ROWS), ("unsolvable", True, _UNSOLVABLE_ROWS))


def declines(result: Result) -> Section:
    """Solved, wrong, and declined trials over the pairs of which both tasks were run."""
    names = {task.name for task in result.tasks if task.scorer == "cannot_do"}
    pairs = sorted(name for name in names if name + TWIN in names)
    unsolvable = _unsolvable_tasks(result, pairs)
    both = [name for pair in pairs if pair in unsolvable for name in (pair, pair + TWIN)]
    rows = _rows_with_data(tuple(_pair_rows(result, both, unsolvable))) if both else ()
    unknown = ", ".join(pair for pair in pairs if pair not in unsolvable)
    if not rows and not unknown:
        return Section("declines", "", "")
    return Section(
        "declines",
        "Unsolvable tasks",
        f"Pairs of a solvable task and an unsolvable twin: {', '.join(pairs)}. A model that declines everything, or "
        "nothing, gets half of them right. Trials without an answer are counted.",
        (Table("", ("trials", *labels_of(result)), rows, by_model=True),) if rows else (),
        notes=(f"Not counted: {unknown}. No trial of these was scored, which would show which half is unsolvable.",)
        if unknown
        else (),
    )


def _pair_rows(result: Result, names: Sequence[str], unsolvable: Mapping[str, bool]) -> Iterator[Row]:
    trials = {label: _trials(result, label, names) for label in labels_of(result)}
    for half, is_unsolvable, rows in _HALVES:
        of_half = {
            label: [trial for trial in every if unsolvable[trial.task] == is_unsolvable]
            for label, every in trials.items()
        }
        for name, quadrant in rows:
            yield _count_row(result, f"{half}: {name}", of_half, _has_metric("quadrant", quadrant))
    yield _count_row(result, "tests edited", trials, _has_metric("tests_edited", True))
    yield _count_row(result, "results hard-coded", trials, _has_metric("hard_coded", True))


def _unsolvable_tasks(result: Result, pairs: Sequence[str]) -> Mapping[str, bool]:
    """Whether each task of the pairs is unsolvable: it has the checks for declining. Unknown pairs are left out.

    A trial with a server error has no checks. Where all trials of a half have none, its twin's checks tell.
    """
    known: dict[str, bool] = {}
    for trial in result.trials:
        if trial.checks:
            known[trial.task] = {check.name for check in trial.checks} >= _UNSOLVABLE_CHECKS
    found: dict[str, bool] = {}
    for pair in pairs:
        for name, other in ((pair, pair + TWIN), (pair + TWIN, pair)):
            if name in known or other in known:
                found[name] = known[name] if name in known else not known[other]
    return found


def _has_metric(key: str, expected: str | bool | None) -> Callable[[TrialResult], bool]:
    def has_metric(trial: TrialResult) -> bool:
        value: Json = trial.metrics.get(key)
        return value is expected if isinstance(expected, bool) else value == expected

    return has_metric


def _count_row(
    result: Result, name: str, trials: Mapping[str, Trials], is_counted: Callable[[TrialResult], bool]
) -> Row:
    def count(label: str) -> str:
        return _format_count(sum(map(is_counted, trials[label])), len(trials[label]))

    return _row(result, name, count)


def _format_count(k: int, n: int) -> str:
    return f"{k}/{n} {format_percent(k / n)}" if n else MISSING


# --- real bugs --------------------------------------------------------------------------------------------------------


_FORMS: Mapping[str, str] = {
    "repository": "Given the files that matter",
    "tools": "Finding them with tools",
    "agent": "As an agent's work",
}
"""What a table is about, by the scorer kind of its tasks."""


def real_bugs(result: Result) -> Section:
    """Applied, fixed and passed trials on bugs that packages had and on their twins, and the gap between the two."""
    forms = result.bugs_with_twins
    if not forms:
        return Section("real-bugs", "", "")
    tables = [
        Table(
            _FORMS[scorer],
            ("trials", *labels_of(result)),
            _rows_with_data(_form_rows(result, scorer, bugs)),
            by_model=True,
        )
        for scorer, bugs in forms.items()
    ]
    pairs = max(map(len, forms.values()))
    return Section(
        "real-bugs",
        "Real bugs and their twins",
        f"Bugs that packages really had ({pairs}), each with a twin: a bug that was made for this kit in the same "
        "package. Nobody can remember a twin's fix, so a model that fixes far more bugs than twins may remember the "
        "fixes instead of finding them. Trials without an answer are counted. The gap is the mean over the pairs, with "
        "its 95 % interval for bugs like these, whose unit is the pair. If that includes 0, nothing follows from it.",
        tuple(table for table in tables if table.rows),
    )


def _form_rows(result: Result, scorer: str, bugs: Sequence[str]) -> tuple[Row, ...]:
    gaps = {gap.model: gap for gap in result.twin_gaps if gap.scorer == scorer}
    fixed: Mapping[str, Callable[[TwinGap], tuple[int, int]]] = {
        "bugs": lambda gap: (gap.bugs_fixed, gap.bugs),
        "twins": lambda gap: (gap.twins_fixed, gap.twins),
    }
    rows: list[Row] = []
    for half, tasks in (("bugs", bugs), ("twins", [bug + TWIN for bug in bugs])):
        trials = {label: _trials(result, label, tasks) for label in labels_of(result)}
        counts = {label: _format_count(*fixed[half](gap)) for label, gap in gaps.items()}
        rows += [
            _count_row(result, f"{half}: edits applied", trials, _is_applied),
            _row(result, f"{half}: fixed", defaultdict(lambda: MISSING, counts).__getitem__),
            _count_row(result, f"{half}: fixed, nothing broken", trials, _is_passed),
        ]
    return (*rows, _row(result, "gap: fixed bugs less fixed twins", lambda label: _format_gap(gaps.get(label))))


def _is_applied(trial: TrialResult) -> bool:
    """Whether a file was changed: a check says so, of an agent's work the files that changed."""
    applied = [check.passed for check in trial.checks if check.name == "applied"]
    return applied[0] if applied else bool(trial.metrics.get("files_changed"))


def _is_passed(trial: TrialResult) -> bool:
    return trial.outcome is Outcome.PASSED


def _format_gap(gap: TwinGap | None) -> str:
    if gap is None or gap.gap is None:
        return MISSING
    text = f"{100 * gap.gap:+.0f} points"
    if gap.low is None or gap.high is None:
        return text
    return f"{text} ({100 * gap.low:+.0f} to {100 * gap.high:+.0f}, {gap.pairs} pairs)"


# --- needles ------------------------------------------------------------------------------------------------------


def needles(result: Result) -> Section:
    """Recall and precision by prompt length, relative to the short version of the task, and recall by depth."""
    names = [task.name for task in result.tasks if task.scorer == "needle"]
    names.sort(key=lambda name: not name.endswith(SHORT))
    asked = {trial.task for trial in result.counted_trials}
    names = [name for name in names if name in asked]
    if not names:
        return Section("needles", "", "")
    headers = ("task", *labels_of(result))
    by_length = [row for name in names for row in _length_rows(result, name, _short_task(name, names))]
    by_depth = [row for name in names if not name.endswith(SHORT) for row in _depth_rows(result, name)]
    tables = (
        Table("By length", headers, _rows_with_data(by_length), by_model=True),
        Table("Recall by depth in the text", headers, _rows_with_data(by_depth), by_model=True),
    )
    return Section(
        "needles",
        "Retrieval from long texts",
        "Recall: values found of values asked for, 0 if the model gave no answer. Precision and recall by depth: "
        "over the trials that gave an answer. Relative recall: against the same model on the short text.",
        tuple(table for table in tables if table.rows),
    )


def _short_task(name: str, names: Sequence[str]) -> str | None:
    """The short task that a long one is compared with: the one whose stem is the longest match."""
    stems = [other.removesuffix(SHORT) for other in names if other.endswith(SHORT) and other != name]
    matching = [stem for stem in stems if name.startswith(f"{stem}-")]
    return max(matching, key=len) + SHORT if matching else None


def _length_rows(result: Result, name: str, short_name: str | None) -> Iterator[Row]:
    trials = {label: _trials(result, label, [name]) for label in labels_of(result)}
    recalls = {label: _recall(of_model) for label, of_model in trials.items()}
    yield _row(result, f"{name}: prompt", lambda label: _format_prompt(trials[label]))
    yield _row(result, f"{name}: recall", lambda label: _format_share(recalls[label], len(trials[label])))
    yield _row(result, f"{name}: precision", lambda label: _format_precision(trials[label]))
    if short_name is not None:
        short = {label: _recall(_trials(result, label, [short_name])) for label in trials}
        yield _row(result, f"{name}: relative recall", lambda label: _format_ratio(recalls[label], short[label]))


def _recall(trials: Trials) -> float | None:
    """Mean recall; a trial without an answer found nothing."""
    return mean(_number(trial.metrics.get("recall")) or 0.0 for trial in trials) if trials else None


def _format_share(share: float | None, n: int) -> str:
    return MISSING if share is None else f"{format_percent(share)} (n {n})"


def _format_precision(trials: Trials) -> str:
    values = [value for trial in trials if (value := _number(trial.metrics.get("precision"))) is not None]
    return _format_share(mean(values) if values else None, len(values))


def _format_prompt(trials: Trials) -> str:
    usages = [trial.turns[-1].usage for trial in trials if trial.turns]
    tokens = [usage.prompt_tokens for usage in usages if usage and usage.prompt_tokens is not None]
    return f"{median(tokens):,.0f} tok" if tokens else MISSING


def _format_ratio(long: float | None, short: float | None) -> str:
    return MISSING if long is None or not short else f"{format_number(long / short)} x"


def _depth_rows(result: Result, name: str) -> Iterator[Row]:
    bins = {label: _recall_by_depth(_trials(result, label, [name])) for label in labels_of(result)}
    for index in range(DEPTH_BINS):
        texts = {
            label: f"{format_percent(mean(of_model[index]))} of {len(of_model[index])}" if of_model[index] else MISSING
            for label, of_model in bins.items()
        }
        span = f"{100 * index // DEPTH_BINS} to {100 * (index + 1) // DEPTH_BINS}%"
        yield _row(result, f"{name}: at {span}", texts.__getitem__)


def _recall_by_depth(trials: Trials) -> list[list[float]]:
    """The shares found in each fifth of the text."""
    bins: list[list[float]] = [[] for _ in range(DEPTH_BINS)]
    for trial in trials:
        depths: Json = trial.metrics.get("recall_by_depth")
        for depth, share in depths.items() if isinstance(depths, dict) else ():
            position, value = _parse_depth(depth), _number(share)
            if position is not None and value is not None:
                bins[min(DEPTH_BINS - 1, int(position * DEPTH_BINS))].append(value)
    return bins


def _parse_depth(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value <= 1 else None


# --- conversations ------------------------------------------------------------------------------------------------


def conversations(result: Result) -> Section:
    """TTFT per turn with the cached share of the prompt, compared with the same turn asked cold."""
    tasks = [task for task in result.tasks if task.scorer == "conversation"]
    rows = _rows_with_data([row for task in tasks for row in _conversation_rows(result, task)])
    if not rows:
        return Section("conversations", "", "")
    return Section(
        "conversations",
        "Conversations by turn",
        "TTFT of each turn within its conversation, and of the same turn as a cold conversation of its own. The "
        "cached share of the prompt is reported by the server, median over trials.",
        (Table("", ("turn", *labels_of(result)), rows, by_model=True),),
    )


def _conversation_rows(result: Result, task: TaskInfo) -> Iterator[Row]:
    cells, control = cells_of(result), _control_task(task, result)
    trials = {label: _trials(result, label, [task.name]) for label in labels_of(result)}
    for turn in turns_of(cells, task.name):
        start = f"{task.name}, turn {turn + 1}"
        warm = {label: _format_ttft(cells, task.name, label, turn) for label in trials}
        cold = {label: _format_ttft(cells, control, label, turn) for label in trials}
        cached = {label: _format_cached(trials[label], turn) for label in trials}
        yield _row(result, f"{start}: TTFT", warm.__getitem__)
        yield _row(result, f"{start}: TTFT cold", cold.__getitem__)
        yield _row(result, f"{start}: cached share of the prompt", cached.__getitem__)


def _control_task(task: TaskInfo, result: Result) -> str | None:
    """The task that asks the same turns cold: the one whose stem is the longest match."""
    stems = [each.name.removesuffix(CONTROL) for each in result.tasks if each.separate and each.name.endswith(CONTROL)]
    matching = [stem for stem in stems if task.name == stem or task.name.startswith(f"{stem}-")]
    return max(matching, key=len) + CONTROL if matching else None


def _format_ttft(cells: Cells, task: str | None, label: str, turn: int) -> str:
    speeds = speeds_of(cells.get((task, label)), turn) if task is not None else None
    return MISSING if speeds is None else format_seconds_spread(speeds.ttft_s)


def _format_cached(trials: Trials, turn: int) -> str:
    usages = [trial.turns[turn].usage for trial in trials if turn < len(trial.turns)]
    shares = [
        usage.cached_tokens / usage.prompt_tokens
        for usage in usages
        if usage is not None and usage.cached_tokens is not None and usage.prompt_tokens
    ]
    return f"{format_percent(median(shares))} n={len(shares)}" if shares else MISSING
