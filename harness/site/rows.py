"""The rows of a site's data as objects: `SiteRow` is one model of one result, over all tasks or on one of them.

`read_models`, `read_cells` and `read_answers` read them from the view of `open_site`. The file may come from a
stranger: each column is cast to the type of its field.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, TypeVar

from harness.collection import Database

MAX_ROWS = 1000
"""Of one table of a page; the newest results come first."""
_SQL_TYPES = {"str": "VARCHAR", "int": "BIGINT", "float": "DOUBLE", "bool": "BOOLEAN"}
RowType = TypeVar("RowType")


class MachineClass(NamedTuple):
    """Machines that count as alike: the chip, and the memory in GB as vendors count it."""

    chip: str
    memory_gb: int | None

    @property
    def name(self) -> str:
        """`Apple M3 Ultra, 96 GB`."""
        return self.chip if self.memory_gb is None else f"{self.chip}, {self.memory_gb} GB"


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
        return MachineClass(self.chip, self.memory_gb)


@dataclass(frozen=True, slots=True)
class SiteAnswer:
    """The answer of one result for one lane; answers of one `definition` are comparable."""

    bundle: str
    started_at: str
    chip: str
    memory_gb: int | None
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
        return MachineClass(self.chip, self.memory_gb)


def read_models(database: Database) -> list[SiteRow]:
    """Each model of each result, the newest result first."""
    return list(_read(database, SiteRow, "kind = 'model' ORDER BY started_at DESC, bundle, label"))


def read_answers(database: Database) -> list[SiteAnswer]:
    """Each answer, the newest result first."""
    return list(_read(database, SiteAnswer, "kind = 'answer' ORDER BY started_at DESC, bundle, lane"))


def read_cells(database: Database, group: Sequence[str] = (), most: int = MAX_ROWS) -> Iterator[SiteRow]:
    """The cells in the order of their group, and of each group at most so many, the newest ones."""
    where, order = "kind = 'cell'", "started_at DESC, bundle, label, task"
    if group:
        keys = ", ".join(group)
        where += f" QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY {order}) <= {most}"
        order = f"{keys}, {order}"
    yield from _read(database, SiteRow, f"{where} ORDER BY {order}")


def _read(database: Database, row: type[RowType], where: str) -> Iterator[RowType]:
    columns = ", ".join(f"{name}::{kind} AS {name}" for name, kind in _columns(row))
    with database.query(f"SELECT {columns} FROM site WHERE {where}") as found:
        for values in found.rows:
            yield row(*values)


def _columns(row: Any) -> list[tuple[str, str]]:
    return [(field.name, _SQL_TYPES[str(field.type).partition(" ")[0]]) for field in fields(row)]
