"""The pages of a site: `site_pages` gives each page with its path, from the view of the site's data.

A page belongs to one value of a dimension (DIMENSIONS declares them), to one result, or is the index. Every number in
a table is that of one model of one result; none is pooled over results.
"""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TypeVar

from harness.collection import Database
from harness.report import MISSING, Entry, LaneVerdict, Section, SiteCard, SitePage, Table, standing_section
from harness.site.answers import machine_answers, result_verdict
from harness.site.links import Links, PageKey, result_page
from harness.site.rows import (
    MAX_ROWS,
    MachineClass,
    RowCounts,
    SiteAnswer,
    SiteRow,
    count_by_task,
    machine_names,
    read_answers,
    read_cells,
    read_models,
)
from harness.site.standing import Contender, by_key, contenders, standing
from harness.site.tables import MAX_NOTE, rows_table

QUESTION = "Which local model should write my code on this machine?"
MACHINES_TITLE = "By chip, memory and GPU"
MAX_CARDS = 12
MAX_NEWEST = 20
GroupKey = TypeVar("GroupKey")


@dataclass(frozen=True, slots=True)
class Dimension:
    """One way into the numbers: its folder, what its pages are of, and the columns whose values make one page."""

    folder: str
    name: str
    columns: tuple[str, ...]
    link: Callable[[Links, SiteRow], Entry]
    counted: str
    """What the index counts in each value, beside the results: `models` or `machines`; "" for tasks."""

    def key(self, row: SiteRow) -> PageKey:
        """What the rows of one page have in common; the text of the link is only what that is called."""
        return tuple(getattr(row, name) for name in self.columns)


DIMENSIONS = (
    Dimension("machines", "machine", MachineClass._fields, lambda links, row: links.machine(row.machine), "models"),
    Dimension("models", "model", ("model",), lambda links, row: links.model(row.model), "machines"),
    Dimension("tasks", "task", ("task",), lambda links, row: links.task(row.task or ""), ""),
    Dimension("servers", "server", ("server",), lambda links, row: links.server(row.server), "models"),
)


@dataclass(frozen=True, slots=True)
class SiteData:
    """What the pages are made of; cells are read page by page, since there are many."""

    database: Database
    models: Sequence[SiteRow]
    answers: Sequence[SiteAnswer]
    verdicts: Mapping[MachineClass, tuple[LaneVerdict, ...]]
    bundles: Mapping[str, str] = field(default_factory=dict)
    machines: Mapping[MachineClass, str] = field(default_factory=dict)
    """What each class of machines is called on this site."""

    def links(self, root: str) -> Links:
        """The links of a page."""
        return Links(root, self.bundles, self.machines)


def read_site(database: Database, bundles: Mapping[str, str]) -> SiteData:
    """The data of a site; `bundles` has the address of each bundle's file."""
    models, answers = read_models(database), read_answers(database)
    names = machine_names(row.machine for row in models)
    return SiteData(database, models, answers, machine_answers(answers), bundles, names)


def site_pages(data: SiteData) -> Iterator[tuple[str, SitePage]]:
    """Every page with its path."""
    yield "index.html", _index(data)
    yield "results.html", _all_results(data)
    for dimension in DIMENSIONS:
        yield from _dimension_pages(data, dimension)
    yield from _result_pages(data)


def _index(data: SiteData) -> SitePage:
    links = data.links("")
    cards = tuple(
        SiteCard(links.machine(machine), data.verdicts[machine])
        for machine in _machines(data)
        if machine in data.verdicts
    )
    newest = _first_of_each(data.models)[:MAX_NEWEST]
    return SitePage(
        QUESTION,
        "",
        facts=_facts(_counts_of(data.models), data.models, "results.html"),
        cards_title="Answers by machine",
        cards_lead=_cards_lead(len(cards)),
        cards=cards[:MAX_CARDS],
        sections=(
            *_dimension_sections(data, links),
            Section("newest", "Newest results", "", (_results_table(newest, data, links),)),
        ),
    )


def _cards_lead(count: int) -> str:
    """What the answers rest on, and where those are that have no place on the index."""
    lead = "Each from one result, counted with those that may be compared: same tasks, version and settings."
    more = count - MAX_CARDS
    if more <= 0:
        return lead
    others = "1 more machine has its answer" if more == 1 else f"{more} more machines have their answers"
    shown = f"Shown are the {MAX_CARDS} machines with the most results; {others} where the table"
    return f'{lead} {shown} "{MACHINES_TITLE}" leads.'


def _machines(data: SiteData) -> list[MachineClass]:
    """The classes of machines, those with the most results first."""
    counts: dict[MachineClass, set[str]] = defaultdict(set)
    for row in data.models:
        counts[row.machine].add(row.bundle)
    return sorted(counts, key=lambda machine: (-len(counts[machine]), data.machines[machine]))


def _counts_of(rows: Sequence[SiteRow]) -> RowCounts:
    return RowCounts(_count(rows, "bundle"), _count(rows, "machine"), _count(rows, "model"))


def _facts(counts: RowCounts, rows: Sequence[SiteRow], all_results: str = "") -> tuple[tuple[str, Entry], ...]:
    """What the numbers are of, the newest row first; `all_results` is the way to the page of all results."""
    return (
        ("results", Entry(str(counts.results), href=all_results or None)),
        ("machines", Entry(str(counts.machines))),
        ("models", Entry(str(counts.models))),
        ("newest", Entry(rows[0].started_at[:10] if rows else MISSING)),
    )


def _dimension_sections(data: SiteData, links: Links) -> Iterator[Section]:
    """A table for each dimension: its values with the number of results and of models or machines."""
    for dimension in DIMENSIONS:
        groups: dict[PageKey, list[SiteRow]] = defaultdict(list)
        for row in data.models if dimension.counted else read_cells(data.database, dimension.columns, most=1):
            groups[dimension.key(row)].append(row)
        named = [(dimension.link(links, group[0]), group) for group in groups.values()]
        listed = sorted(named, key=lambda pair: (-_count(pair[1], "bundle"), pair[0].text))
        headers = ("results", dimension.counted, "newest") if dimension.counted else ("what it asks",)
        rows = tuple((link, *_counts(dimension, group)) for link, group in listed[:MAX_ROWS])
        title = MACHINES_TITLE if dimension.name == "machine" else f"By {dimension.name}"
        notes = (_cut_note(dimension),) if len(listed) > MAX_ROWS else ()
        yield Section(f"by-{dimension.name}", title, "", (Table("", (dimension.name, *headers), rows),), notes=notes)


def _cut_note(dimension: Dimension) -> str:
    """What a table of the index leaves out, and where it is."""
    return f"Only the {MAX_ROWS:,} {dimension.folder} with the most results are shown; site.parquet has all."


def _counts(dimension: Dimension, group: Sequence[SiteRow]) -> tuple[Entry, ...]:
    if not dimension.counted:
        return (Entry(group[0].title or ""),)
    counted = dimension.counted.removesuffix("s")
    return (*(Entry(str(_count(group, name))) for name in ("bundle", counted)), Entry(group[0].started_at[:10]))


def _count(rows: Sequence[SiteRow], name: str) -> int:
    """How many values of a field the rows have."""
    return len({getattr(row, name) for row in rows})


def _first_of_each(rows: Sequence[SiteRow]) -> list[SiteRow]:
    """The first row of each result."""
    return list({row.bundle: row for row in reversed(rows)}.values())[::-1]


def _results_table(rows: Sequence[SiteRow], data: SiteData, links: Links) -> Table:
    """One line for each result."""
    models: dict[str, list[str]] = defaultdict(list)
    for row in data.models:
        models[row.bundle].append(row.label)
    entries = tuple(
        (
            links.result(row),
            links.machine(row.machine),
            Entry(", ".join(sorted(models[row.bundle]))),
            Entry(row.suite),
            Entry(row.level or "readable", badge=True),
            links.bundle(row),
        )
        for row in rows
    )
    return Table("", ("result", "machine", "models", "suite", "verified", "bundle"), entries)


def _all_results(data: SiteData) -> SitePage:
    links = data.links("")
    rows = data.models[:MAX_ROWS]
    notes = (MAX_NOTE,) if len(data.models) > MAX_ROWS else ()
    table = rows_table("", rows, links)
    return SitePage(
        "All results",
        "",
        "results",
        facts=_facts(_counts_of(data.models), data.models),
        sections=(Section("models", "Every model of every result", "", (table,), notes=notes),),
    )


def _dimension_pages(data: SiteData, dimension: Dimension) -> Iterator[tuple[str, SitePage]]:
    """A page for each value: its models over all tasks, then by task."""
    links = data.links("../")
    models: dict[PageKey, list[SiteRow]] = defaultdict(list)
    for row in data.models if dimension.name != "task" else ():
        models[dimension.key(row)].append(row)
    counts = count_by_task(data.database)
    cells = read_cells(data.database, dimension.columns)
    for key, own in _with_models_alone(groupby(cells, dimension.key), models):
        rows = models.get(key, [])
        first = (own or rows)[0]
        link = dimension.link(data.links(""), first)
        value = link.text
        verdicts = data.verdicts.get(first.machine, ()) if dimension.name == "machine" else ()
        cards = (SiteCard(Entry(f"On {value}"), verdicts),) if verdicts else ()
        title = first.title or value if dimension.name == "task" else value
        yield (
            link.href or "",
            SitePage(
                title,
                "../",
                f"{dimension.name} {value}" if dimension.name == "task" else dimension.name,
                facts=_facts(_page_counts(dimension, own, rows, counts), own or rows),
                cards_title="The answer",
                cards=cards,
                sections=_page_sections(dimension, own, rows, links),
            ),
        )


def _with_models_alone(
    groups: Iterable[tuple[GroupKey, Iterable[SiteRow]]], models: Mapping[GroupKey, Sequence[SiteRow]]
) -> Iterator[tuple[GroupKey, list[SiteRow]]]:
    """The cells of each page, then none for each page that has models alone: other pages link to those, too.

    A run whose tasks are all for agents gives a model without one no cell, and the other way round.
    """
    seen: set[GroupKey] = set()
    for key, group in groups:
        seen.add(key)
        yield key, list(group)
    yield from ((key, []) for key in models if key not in seen)


def _page_sections(
    dimension: Dimension, own: Sequence[SiteRow], rows: Sequence[SiteRow], links: Links
) -> tuple[Section, ...]:
    """A table of the models over all tasks, and one of the cells; one without rows is left out."""
    tables = (
        ("models", "Over all tasks", rows),
        ("cells", "Every model" if dimension.name == "task" else "By task", own),
    )
    return tuple(_section(key, title, shown, links, dimension) for key, title, shown in tables if shown)


def _page_counts(
    dimension: Dimension, own: Sequence[SiteRow], rows: Sequence[SiteRow], by_task: Mapping[str | None, RowCounts]
) -> RowCounts:
    """What a page is of; its cells in `own` are at most MAX_ROWS, its models in `rows` are all."""
    return by_task[own[0].task] if dimension.name == "task" else _counts_of(rows or own)


def _section(key: str, title: str, rows: Sequence[SiteRow], links: Links, dimension: Dimension | None) -> Section:
    shown = rows[:MAX_ROWS]
    notes = (MAX_NOTE,) if len(rows) >= MAX_ROWS else ()
    without = {dimension.name} if dimension is not None else {"machine", "level", "result"}
    return Section(key, title, "", (rows_table("", shown, links, without),), notes=notes)


def _result_pages(data: SiteData) -> Iterator[tuple[str, SitePage]]:
    """A page for each result, with where each of its models stands among the others."""
    links = data.links("../")
    models: dict[str, list[SiteRow]] = defaultdict(list)
    for row in data.models:
        models[row.bundle].append(row)
    answers: dict[str, list[SiteAnswer]] = defaultdict(list)
    for answer in data.answers:
        answers[answer.bundle].append(answer)
    groups = by_key(contenders(read_cells(data.database)))
    results = groupby(read_cells(data.database, ("bundle",)), lambda row: row.bundle)
    for bundle, cells in _with_models_alone(results, models):
        first = (cells or models[bundle])[0]
        verdicts = tuple(map(result_verdict, answers[bundle]))
        page = SitePage(
            f"{links.machine(first.machine).text}, {first.started_at[:10]}",
            "../",
            "result",
            facts=_result_facts(first, links),
            bundle_file=shlex.quote(first.file),
            cards_title="The answer",
            cards=(SiteCard(Entry(f"On this machine, with these {len(models[bundle])} models"), verdicts),)
            if verdicts
            else (),
            sections=(
                *_standing_section(contenders(cells), groups),
                _section("models", "Over all tasks", models[bundle], links, None),
                *([_section("cells", "By task", cells, links, None)] if cells else []),
            ),
        )
        yield result_page(bundle), page


def _result_facts(row: SiteRow, links: Links) -> tuple[tuple[str, Entry], ...]:
    return (
        ("machine", links.machine(row.machine)),
        ("run", Entry(row.run)),
        ("suite", Entry(row.suite)),
        ("Lanebench", Entry(row.kit_version)),
        ("verified", Entry(row.level or "readable", badge=True)),
        ("bundle", links.bundle(row)),
    )


def _standing_section(
    own: Sequence[Contender], groups: Mapping[tuple[str, str], Sequence[Contender]]
) -> Iterator[Section]:
    notes = [text for each in own if (text := standing(each, groups.get(each.key, ()))) is not None]
    if notes:
        yield standing_section(notes)
