"""Runs of several machines as one report with the machine as a dimension: `merged_report` gives it in sections.

Nothing is pooled over machines: a column or a row is one model of one run. `merged_page` is the same as a page.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.collection import Database
from harness.errors import RunError
from harness.report import MISSING, Entry, Section, SiteCard, SitePage, Table, text_row
from harness.site.answers import result_verdict
from harness.site.links import Links
from harness.site.rows import SiteAnswer, SiteRow, read_answers, read_cells, read_models
from harness.site.standing import by_key, contenders, standing
from harness.site.tables import rows_table, solved_entry, speed_entry

TITLE = "Runs of several machines"
WITHOUT = ("level", "result")
Source = tuple[str, str]
"""Bundle and label: one model of one run."""


def merged_report(database: Database) -> tuple[Section, ...]:
    """The answers by machine, every model over all tasks, each task by machine and model, and who is faster where.

    Raises RunError where no run measured anything.
    """
    models, cells = _read(database)
    return (
        Section("answers", "Answers by machine", "", (_answer_table(models, read_answers(database)),)),
        *_number_sections(models, cells),
    )


def merged_page(database: Database) -> SitePage:
    """The same as one page."""
    models, cells = _read(database)
    answers = read_answers(database)
    machines = {row.bundle: row for row in models}
    cards = tuple(
        SiteCard(
            Entry(f"{row.machine.name}, run {row.run}"),
            tuple(result_verdict(answer) for answer in answers if answer.bundle == bundle),
        )
        for bundle, row in machines.items()
    )
    facts = (
        ("runs", Entry(str(len(machines)))),
        ("machines", Entry(str(len({row.machine for row in models})))),
        ("models", Entry(str(len({row.model for row in models})))),
    )
    return SitePage(
        TITLE,
        "",
        facts=facts,
        cards_title="Answers by machine",
        cards=tuple(card for card in cards if card.verdicts),
        sections=_number_sections(models, cells),
        is_alone=True,
    )


def _read(database: Database) -> tuple[list[SiteRow], list[SiteRow]]:
    models = read_models(database)
    if not models:
        raise RunError("no run measured anything: simulated results are left out")
    return models, list(read_cells(database))


def _number_sections(models: Sequence[SiteRow], cells: Sequence[SiteRow]) -> tuple[Section, ...]:
    rows = sorted(models, key=lambda row: (row.machine.name, row.run, row.label))
    names = _names(rows)
    notes = [text for text in _standings(cells) if text is not None]
    return (
        Section("models", "Over all tasks", "", (_without_links(rows_table("", rows, Links("", {}), WITHOUT)),)),
        Section("tasks", "By task", "", tuple(_task_table(cells, names, scored=scored) for scored in (True, False))),
        *([Section("standing", "The same model on other machines", "", notes=tuple(notes))] if notes else []),
    )


def _answer_table(models: Sequence[SiteRow], answers: Sequence[SiteAnswer]) -> Table:
    runs = {row.bundle: row.run for row in models}
    # A file from elsewhere can have answers of a run whose other rows no build writes.
    found = [(answer, result_verdict(answer)) for answer in answers if answer.bundle in runs]
    rows = [
        text_row(answer.machine.name, runs[answer.bundle], verdict.lane, verdict.pick, verdict.state, verdict.text)
        for answer, verdict in sorted(found, key=lambda pair: (pair[0].machine.name, pair[0].lane))
    ]
    return Table("", ("machine", "run", "lane", "model", "", "why"), tuple(rows))


def _names(rows: Sequence[SiteRow]) -> Mapping[Source, str]:
    """A heading for each model: its label and machine, and the run where that leaves two alike."""
    names = {(row.bundle, row.label): f"{row.label} on {row.machine.name}" for row in rows}
    counts: dict[str, int] = defaultdict(int)
    for name in names.values():
        counts[name] += 1
    runs = {row.bundle: row.run for row in rows}
    return {source: f"{name} ({runs[source[0]]})" if counts[name] > 1 else name for source, name in names.items()}


def _task_table(cells: Sequence[SiteRow], names: Mapping[Source, str], *, scored: bool) -> Table:
    """A row for each version of a task, a column for each model of each run."""
    found: dict[tuple[str, str], dict[Source, SiteRow]] = defaultdict(dict)
    for row in cells:
        if row.scored or not scored:
            found[row.task or "", row.task_sha256 or ""][row.bundle, row.label] = row
    versions: dict[str, int] = defaultdict(int)
    for task, _ in found:
        versions[task] += 1
    entry = solved_entry if scored else speed_entry
    rows = tuple(
        (
            Entry(f"{task} ({digest[:8]})" if versions[task] > 1 else task),
            *(entry(each[source]) if source in each else Entry(MISSING) for source in names),
        )
        for (task, digest), each in sorted(found.items())
    )
    title = "Solved" if scored else "Decode rate, tok/s"
    return Table(title, ("task", *names.values()), rows, by_model=True)


def _standings(cells: Sequence[SiteRow]) -> list[str | None]:
    found = contenders(cells)
    groups = by_key(found)
    return [
        standing(each, groups[each.key]) for each in sorted(found, key=lambda each: (each.label, each.machine.name))
    ]


def _without_links(table: Table) -> Table:
    return replace(table, rows=tuple(tuple(replace(entry, href=None) for entry in row) for row in table.rows))
