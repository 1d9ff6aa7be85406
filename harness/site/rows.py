"""The rows of a site's data as objects: `SiteRow` is one model of one result, over all tasks or on one of them.

`read_models`, `read_cells` and `read_answers` read them from the view of `open_site`. The file may come from a
stranger: each column is cast to the type of its field, and a row that no build writes is passed over.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, TypeVar

from harness.collection import Database
from harness.errors import RunError
from harness.types import Json

MAX_ROWS = 1000
"""Of one table of a page; the newest results come first."""
_SQL_TYPES = {"str": "VARCHAR", "int": "BIGINT", "float": "DOUBLE", "bool": "BOOLEAN"}
NEWEST_FIRST = "started_at DESC, bundle, label, task"
MAX_CELLS = 20_000
"""With which one result is compared: a file from elsewhere could have millions in a megabyte."""
MAX_NAMES = 100_000
"""Of models in a file from elsewhere."""
MIN_SPEED, MAX_SPEED = 1e-6, 1e9
"""Tokens per second that a decode rate can be, or else 0: the upper one is that of a result's schema."""
_NUMBERS = ("BIGINT", "DOUBLE")
RowType = TypeVar("RowType")


class RowCounts(NamedTuple):
    """How many results, classes of machines and models rows are of."""

    results: int
    machines: int
    models: int


class MachineClass(NamedTuple):
    """Machines that count as alike: chip, memory in GB as vendors count it, GPU cores, memory of a separate GPU in GB.

    `gpu_gb` is None where the GPU has no memory of its own, and 0 where that is unknown.
    """

    chip: str
    memory_gb: int | None
    gpu_cores: int | None = None
    gpu_gb: int | None = None

    @property
    def name(self) -> str:
        """`Apple M3 Ultra, 96 GB`; with a separate GPU `AMD EPYC, 256 GB, GPU 24 GB`."""
        return ", ".join(self._parts())

    @property
    def full_name(self) -> str:
        """The name where that alone is the name of two classes."""
        parts = self._parts() if self.memory_gb is not None else [*self._parts(), "memory unknown"]
        return ", ".join(parts if self.gpu_cores is None else [*parts, f"{self.gpu_cores} GPU cores"])

    def _parts(self) -> list[str]:
        memory = [] if self.memory_gb is None else [f"{self.memory_gb} GB"]
        gpu = [] if self.gpu_gb is None else [f"GPU {self.gpu_gb} GB" if self.gpu_gb else "GPU of unknown memory"]
        return [self.chip, *memory, *gpu]


def machine_names(machines: Iterable[MachineClass]) -> Mapping[MachineClass, str]:
    """What each class is called beside the others: its name, and in full where two share it."""
    found: dict[str, set[MachineClass]] = defaultdict(set)
    for machine in machines:
        found[machine.name].add(machine)
    return {
        machine: machine.name if len(alike) == 1 else machine.full_name for alike in found.values() for machine in alike
    }


@dataclass(frozen=True, slots=True)
class SiteRow:
    """One model of one result; `task` is None for its numbers over all tasks."""

    bundle: str
    file: str
    level: str
    run: str
    started_at: str
    suite: str
    kit_version: str
    chip: str
    memory_gb: int | None
    gpu_cores: int | None
    gpu_gb: int | None
    label: str
    model: str
    server: str
    server_version: str | None
    thinking: str
    comparable: str
    quantization: str | None
    task: str | None
    task_sha256: str | None
    title: str | None
    scored: bool | None
    passed: int
    n: int
    planned: int | None
    tasks: int | None
    rate: float | None
    low: float | None
    high: float | None
    decode_tps: float | None
    decode_low: float | None
    decode_high: float | None
    decode_n: int | None
    ttft_s: float | None
    ttft_low: float | None
    ttft_high: float | None
    ttft_n: int | None
    loaded_bytes: int | None

    @property
    def machine(self) -> MachineClass:
        """The class of its machine."""
        return MachineClass(self.chip, self.memory_gb, self.gpu_cores, self.gpu_gb)


@dataclass(frozen=True, slots=True)
class SiteAnswer:
    """The answer of one result for one lane; answers of one `definition` are comparable."""

    bundle: str
    level: str
    started_at: str
    chip: str
    memory_gb: int | None
    gpu_cores: int | None
    gpu_gb: int | None
    lane: str
    definition: str
    state: str
    label: str | None
    model: str | None
    trials: int
    text: str

    @property
    def machine(self) -> MachineClass:
        """The class of its machine."""
        return MachineClass(self.chip, self.memory_gb, self.gpu_cores, self.gpu_gb)


def read_models(database: Database) -> list[SiteRow]:
    """Each model of each result, the newest result first."""
    return list(_read(database, SiteRow, "kind = 'model' ORDER BY started_at DESC, bundle, label"))


def read_answers(database: Database) -> list[SiteAnswer]:
    """Each answer, the newest result first."""
    return list(_read(database, SiteAnswer, "kind = 'answer' ORDER BY started_at DESC, bundle, lane"))


def read_cells(database: Database, group: Sequence[str] = (), most: int = MAX_ROWS) -> Iterator[SiteRow]:
    """The cells in the order of their group, and of each group at most so many, the newest ones."""
    where, order = "kind = 'cell'", NEWEST_FIRST
    if group:
        keys = ", ".join(group)
        where += f" QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY {order}) <= {most}"
        order = f"{keys}, {order}"
    yield from _read(database, SiteRow, f"{where} ORDER BY {order}")


def read_cells_of(database: Database, is_named: Callable[[str], bool]) -> tuple[list[SiteRow], bool]:
    """The newest cells of the models whose names are chosen, and whether there are more than MAX_CELLS.

    Raises RunError for a file with more than MAX_NAMES names of models.
    """
    rows = _sound_rows(database, SiteRow)
    with database.query(f"SELECT DISTINCT model FROM {rows} WHERE kind = 'cell' LIMIT {MAX_NAMES + 1}") as found:
        names = [str(name) for (name,) in found.rows]
    if len(names) > MAX_NAMES:
        raise RunError(f"the file has more than {MAX_NAMES:,} models: no site is so large")
    where = f"kind = 'cell' AND model IN (SELECT unnest(?::VARCHAR[])) ORDER BY {NEWEST_FIRST} LIMIT {MAX_CELLS + 1}"
    cells = list(_read(database, SiteRow, where, [[name for name in names if is_named(name)]]))
    return cells[:MAX_CELLS], len(cells) > MAX_CELLS


def count_by_task(database: Database) -> Mapping[str | None, RowCounts]:
    """What all cells of each task are of, also those beyond MAX_ROWS."""
    machine = ", ".join(MachineClass._fields)
    counts = f"count(DISTINCT bundle), count(DISTINCT ({machine})), count(DISTINCT model)"
    select = f"SELECT task, {counts} FROM {_sound_rows(database, SiteRow)} WHERE kind = 'cell' GROUP BY task"
    with database.query(select) as found:
        return {row[0]: RowCounts(*row[1:]) for row in found.rows}


def _read(database: Database, row: type[RowType], where: str, parameters: Sequence[Json] = ()) -> Iterator[RowType]:
    names = ", ".join(name for name, _, _ in _columns(row))
    with database.query(f"SELECT {names} FROM {_sound_rows(database, row)} WHERE {where}", parameters) as found:
        for values in found.rows:
            yield row(*values)


def _sound_rows(database: Database, row: type[RowType]) -> str:
    """The rows in SQL that a build can have written, with their types.

    Raises RunError for a file without the columns: another program made it, or another version of this one.
    """
    there = {found["column_name"] for found in database.rows("DESCRIBE site")}
    if missing := sorted({"kind", *(name for name, _, _ in _columns(row))} - there):
        message = f"the file is no data of a site of this version of Lanebench, it lacks {', '.join(missing)}"
        raise RunError(message, fix="build the site again")
    columns = ", ".join(f"{_value(name, kind)} AS {name}" for name, kind, _ in _columns(row))
    return f"(SELECT kind, {columns} FROM site WHERE {_is_sound(row)})"


def _value(name: str, kind: str) -> str:
    """A column with its type; a decode rate that no model has is left out, and the rest of its row counts."""
    value = _cast(name, kind)
    return f"CASE WHEN {value} = 0 OR {value} >= {MIN_SPEED} THEN {value} END" if name == "decode_tps" else value


def _is_sound(row: type[RowType]) -> str:
    """The condition in SQL that a build can have written a row: it has what it needs, and its numbers are in bounds.

    Columns are named with their table, since a bare name could be that of the result of the cast.
    """
    parts = []
    for name, kind, is_required in _columns(row):
        value = _cast(name, kind)
        sound = f"{value} IS NOT NULL"
        if kind in _NUMBERS:
            sound += f" AND isfinite({value}::DOUBLE) AND {value} >= 0"
        parts.append(sound if is_required else f"(site.{name} IS NULL OR ({sound}))")
    if row is SiteRow:
        parts.append(f"{_cast('passed', 'BIGINT')} <= {_cast('n', 'BIGINT')}")
        parts.append(f"(site.decode_tps IS NULL OR {_cast('decode_tps', 'DOUBLE')} <= {MAX_SPEED})")
    return " AND ".join(parts)


def _cast(name: str, kind: str) -> str:
    """A column with its type, NULL for what is no such value: one value of a stranger must not end the whole file."""
    return f"TRY_CAST(site.{name} AS {kind})"


def _columns(row: Any) -> list[tuple[str, str, bool]]:
    """Name and type in SQL of each field, and whether it must have a value."""
    return [
        (field.name, _SQL_TYPES[str(field.type).partition(" ")[0]], not str(field.type).endswith("None"))
        for field in fields(row)
    ]
