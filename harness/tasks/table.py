"""Reading a TOML table key by key: each wrong type and each unknown key becomes one fault."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches

from harness.tasks.faults import Faults
from harness.types import Json

FILE = "task.toml"


class Table:
    """A TOML table at a place in task.toml. A value of the wrong kind is a fault and reads as its default."""

    def __init__(self, values: Mapping[str, Json], place: str, faults: Faults) -> None:
        """`place` is empty for the file's top level, else like `wrong[2]`, counted from 1."""
        self.values = values
        self._place = place
        self._faults = faults

    def fault(self, key: str, what: str) -> None:
        """Note a fault at a key of this table."""
        at = f"{self._place}.{key}" if self._place and key else self._place or key
        self._faults.add(f"{FILE}: {at}", what)

    def refuse_others(self, known: Iterable[str]) -> None:
        """Every key that is not known is a fault."""
        names = sorted(known)
        for key in sorted(set(self.values) - set(names)):
            near = get_close_matches(key, names, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(names)}"
            self.fault(key, f"unknown key; {hint}")

    def text(self, key: str, default: str | None = None) -> str:
        """A text that is not empty; without a default the key must be there."""
        value = self.values.get(key, default)
        if isinstance(value, str) and value.strip():
            return value
        self.fault(key, "missing; write a text" if value is None else f"must be a text, is {value!r}")
        return default or ""

    def optional_text(self, key: str) -> str | None:
        """A text, or None where the key is not there."""
        return self.text(key) if key in self.values else None

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; empty where the key is not there."""
        value = self.values.get(key, [])
        if isinstance(value, list) and all(isinstance(one, str) and one for one in value):
            if len(set(value)) != len(value):
                self.fault(key, "names something twice; name it once")
            return tuple(value)
        self.fault(key, f"must be a list of texts, is {value!r}")
        return ()

    def number(self, key: str, default: float | None = None) -> float:
        """A number above zero; without a default the key must be there."""
        value = self.values.get(key, default)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf"):
            return value
        self.fault(key, "missing; write a number" if value is None else f"must be a number above 0, is {value!r}")
        return default or 1

    def whole(self, key: str, default: int | None = None) -> int:
        """A whole number above zero."""
        value = self.number(key, default)
        if value != int(value):
            self.fault(key, f"must be a whole number, is {value!r}")
        return int(value)

    def table(self, key: str) -> Table:
        """The table under a key, empty where the key is not there."""
        value = self.values.get(key, {})
        if not isinstance(value, dict):
            self.fault(key, f"must be a table: write [{key}]")
            value = {}
        return Table(value, f"{self._place}.{key}".lstrip("."), self._faults)

    def tables(self, key: str) -> Iterator[Table]:
        """The tables of a list of tables, [[key]] in TOML."""
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            self.fault(key, f"must be a list of tables: write [[{key}]]")
            return
        for number, one in enumerate(value, 1):
            yield Table(one, f"{key}[{number}]", self._faults)
