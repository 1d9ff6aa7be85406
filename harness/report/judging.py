"""The section on blind judging: which contestant each judge preferred, and how far the judge can be trusted."""

from __future__ import annotations

from harness.report.elements import Entry, Section, Table, text_row
from harness.report.formatting import MISSING, format_number, format_percent
from harness.types import SIGNIFICANCE, JudgeReport, Match, Proportion, Result, Strength

MIN_CONSISTENT = 0.7
"""A person who is shown a pair twice usually votes alike more often than this; chance gives about a third."""
MIN_FOR_INTERVAL = 6
_METHOD = (
    "Judges saw pairs of answers without knowing their models. Won: wins of the first model in decided pairs; p is "
    "their exact binomial test, by Holm for all matches of a judge. By order: a model changed its mind when the sides "
    "were swapped. Score: wins with half of each tie, of all pairs that could be judged."
)


def blind_judging(result: Result) -> Section:
    """Matches, strengths and biases of each judge; empty if nothing was judged."""
    reports = result.judge_reports
    if not reports:
        return Section("judging", "", "")
    matches = [(report, match) for report in reports for match in report.matches]
    tables = [
        Table("Matches", _MATCH_HEADERS, tuple(_match_row(report, match) for report, match in matches)),
        Table("The judges", _JUDGE_HEADERS, tuple(map(_judge_row, reports))),
    ]
    if any(report.strengths for report in reports):
        rows = tuple(
            text_row(report.judge, one.contestant, _format_strength(one))
            for report in reports
            for one in report.strengths
        )
        headers = ("judge", "model", "expected wins")
        tables.append(Table("Strength by Bradley and Terry, against an average contestant", headers, rows))
    lead = " ".join([*(_sentence(report, match) for report, match in matches), _METHOD])
    notes = tuple(note for report in reports for note in judge_notes(report))
    return Section("judging", "Blind judging", lead, tuple(tables), (), notes)


_MATCH_HEADERS = ("judge", "match", "won", "ties", "by order", "neither", "can't judge", "score", "p", "verdict")
_JUDGE_HEADERS = ("judge", "judged", "left won", "longer won", "same vote again", "author guessed")


def _sentence(report: JudgeReport, match: Match) -> str:
    """What a match says, the winner first."""
    won, decided = match.decisive.k, match.decisive.n
    names, count = (match.model, match.baseline), won
    if match.losses > match.wins:
        names, count = (match.baseline, match.model), decided - won
    of = f"{count} of {decided} decided pairs"
    if match.verdict == "can't tell":
        return f"{report.judge} can't tell {names[0]} from {names[1]} ({of})."
    return f"{report.judge} prefers {names[0]} to {names[1]} ({of})."


def _match_row(report: JudgeReport, match: Match) -> tuple[Entry, ...]:
    counts = map(str, (match.ties, match.order_dependent, match.both_bad, match.cannot_judge))
    p = MISSING if match.p_adjusted is None else _format_p(match.p_adjusted)
    score = MISSING if match.score is None else format_percent(match.score)
    names = f"{match.model} against {match.baseline}"
    return text_row(report.judge, names, _share(match.decisive), *counts, score, p, match.verdict)


def _judge_row(report: JudgeReport) -> tuple[Entry, ...]:
    shares = (report.left, report.longer, report.consistent, report.guessed)
    return text_row(report.judge, f"{report.judged} of {report.pairs}", *map(_share, shares))


def _share(proportion: Proportion) -> str:
    """`12/20 60% [39, 78]`: k/n, the share, its 95 % interval; few trials carry no share."""
    if proportion.share is None or proportion.low is None or proportion.high is None:
        return MISSING
    count = f"{proportion.k}/{proportion.n}"
    if proportion.n < MIN_FOR_INTERVAL:
        return count
    return f"{count} {format_percent(proportion.share)} {_interval(proportion.low, proportion.high)}"


def _format_strength(strength: Strength) -> str:
    share = format_percent(strength.win_share)
    if strength.low is None or strength.high is None:
        return share
    return f"{share} {_interval(strength.low, strength.high)}"


def _interval(low: float, high: float) -> str:
    return f"[{100 * low:.0f}, {100 * high:.0f}]"


def _format_p(p: float) -> str:
    return "<0.001" if p < 0.001 else format_number(p)


def judge_notes(report: JudgeReport) -> tuple[str, ...]:
    """What a reader must know of a judge, in sentences; only what the votes show."""
    left, longer, consistent, guessed = report.left, report.longer, report.consistent, report.guessed
    notes = [
        (_is_biased(left), f"prefers the {_more(left, 'left', 'right')} side ({_share(left)})"),
        (_is_biased(longer), f"prefers the {_more(longer, 'longer', 'shorter')} answer ({_share(longer)})"),
        (
            consistent.share is not None and consistent.share < MIN_CONSISTENT,
            f"votes alike on only {consistent.k} of {consistent.n} pairs that were shown twice",
        ),
        (
            _is_biased(guessed) and (guessed.share or 0) > (guessed.chance or 0),
            f"recognized authors ({_share(guessed)}): these votes were not blind",
        ),
        (
            report.partial and report.judged < report.pairs,
            f"judged {report.judged} of {report.pairs} pairs before the models were revealed",
        ),
        (bool(report.same_family), f"is of the same family as {', '.join(report.same_family)}, and may favor it"),
    ]
    dependent, met = sum(match.order_dependent for match in report.matches), _pairs_of(report)
    notes.append((dependent > 0, f"changed its mind with the order of the answers on {dependent} of {met} pairs"))
    return tuple(f"{report.judge} {text}." for applies, text in notes if applies)


def _pairs_of(report: JudgeReport) -> int:
    return sum(
        match.wins + match.losses + match.ties + match.both_bad + match.cannot_judge + match.order_dependent
        for match in report.matches
    )


def _is_biased(proportion: Proportion) -> bool:
    return proportion.p is not None and proportion.p < SIGNIFICANCE


def _more(proportion: Proportion, more: str, less: str) -> str:
    return more if proportion.share is not None and proportion.share > 0.5 else less
