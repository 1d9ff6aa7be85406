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
from harness.site.rows import MachineClass, SiteAnswer, SiteRow, machine_names, read_answers, read_cells, read_models
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
    runs = {row.bundle: row for row in models}
    names = machine_names(row.machine for row in models)
    cards = tuple(
        SiteCard(
            Entry(f"{names[row.machine]}, run {row.run}"),
            tuple(result_verdict(answer) for answer in answers if answer.bundle == bundle),
        )
        for bundle, row in runs.items()
    )
    facts = (
        ("runs", Entry(str(len(runs)))),
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
    machines = machine_names(row.machine for row in models)
    rows = sorted(models, key=lambda row: (machines[row.machine], row.run, row.label))
    names = _names(rows, machines)
    notes = [text for text in _standings(cells, names) if text is not None]
    return (
        Section("models", "Over all tasks", "", (_model_table(rows, machines),)),
        Section("tasks", "By task", "", tuple(_task_table(cells, names, scored=scored) for scored in (True, False))),
        *([Section("standing", "The same model in the other runs", "", notes=tuple(notes))] if notes else []),
    )


def _answer_table(models: Sequence[SiteRow], answers: Sequence[SiteAnswer]) -> Table:
    runs, names = {row.bundle: row.run for row in models}, machine_names(row.machine for row in models)
    # A file from elsewhere can have answers of a run whose other rows no build writes.
    found = [(answer, result_verdict(answer)) for answer in answers if answer.bundle in runs]
    rows = [
        text_row(_called(answer, names), runs[answer.bundle], verdict.lane, verdict.pick, verdict.state, verdict.text)
        for answer, verdict in sorted(found, key=lambda pair: (_called(pair[0], names), pair[0].lane))
    ]
    return Table("", ("machine", "run", "lane", "model", "state", "why"), tuple(rows))


def _called(answer: SiteAnswer, names: Mapping[MachineClass, str]) -> str:
    """The name of the machine; a file from elsewhere can have another one in the answers of a run."""
    return names.get(answer.machine, answer.machine.name)


def _model_table(rows: Sequence[SiteRow], machines: Mapping[MachineClass, str]) -> Table:
    """Every model over all tasks; with the run where machine and label leave two alike."""
    table = _without_links(rows_table("", rows, Links("", {}, machines), WITHOUT))
    if len({(row.machine, row.label) for row in rows}) == len(rows):
        return table
    entries = tuple((*entries, Entry(row.run)) for entries, row in zip(table.rows, rows, strict=True))
    return replace(table, headers=(*table.headers, "run"), rows=entries)


def _names(rows: Sequence[SiteRow], machines: Mapping[MachineClass, str]) -> Mapping[Source, str]:
    """A heading for each model: its label and machine, and the run where that leaves two alike."""
    names = {(row.bundle, row.label): f"{row.label} on {machines[row.machine]}" for row in rows}
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


def _standings(cells: Sequence[SiteRow], names: Mapping[Source, str]) -> list[str | None]:
    found = contenders(cells)
    groups = by_key(found)
    # The cells of a file from elsewhere can be of a model that has no other row.
    called = {(row.run, row.label): names.get((row.bundle, row.label), "") for row in cells}
    return [
        standing(each, groups[each.key], called[each.run, each.label])
        for each in sorted(found, key=lambda each: (each.label, called[each.run, each.label]))
    ]


def _without_links(table: Table) -> Table:
    return replace(table, rows=tuple(tuple(replace(entry, href=None) for entry in row) for row in table.rows))
