"""The lanes that every run has: lanes.toml declares them by the tags of tasks, `lanes_of_run` adds one's own.

`load_built_in_lanes` reads the file, validated against schemas/lanes.v1.schema.json; `lane_differences` says how a lane
under a built-in name differs from that one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from harness.errors import ConfigError
from harness.files import build, plain, to_json
from harness.schema import parse_toml
from harness.types import Lane, RankBy, Task

BUILT_IN_LANES = Path(__file__).with_name("lanes.toml")
DEMANDS = ("min_pass_rate", "min_context_tokens", "max_memory_bytes", "max_warm_ttft_s", "rank_by")
"""The fields of a lane that do not depend on the tasks of a run."""


@dataclass(frozen=True, slots=True)
class BuiltInLane:
    """A lane whose tasks are those of a run that have one of its tags; the other fields are those of `Lane`."""

    name: str
    tags: tuple[str, ...]
    min_pass_rate: float | None = None
    min_context_tokens: int | None = None
    max_memory_bytes: int | None = None
    max_warm_ttft_s: float | None = None
    rank_by: tuple[RankBy, ...] = ("pass_rate",)

    def lane(self, tasks: Iterable[Task]) -> Lane:
        """The lane with its tasks of a run, of equal weight; it may have none.

        Tasks for agents are asked of other contenders than the rest: where a run has some, they decide by themselves.
        """
        tagged = [task for task in tasks if not set(task.tags).isdisjoint(self.tags)]
        for_agents = [task for task in tagged if task.for_agents]
        return Lane(
            self.name,
            {task.name: 1.0 for task in for_agents or tagged},
            self.min_pass_rate,
            self.min_context_tokens,
            self.max_memory_bytes,
            self.max_warm_ttft_s,
            self.rank_by,
        )


def read_built_in_lanes(path: Path) -> tuple[BuiltInLane, ...]:
    """The lanes of a file like lanes.toml. Raises ConfigError with every problem and its line."""
    document = parse_toml("lanes", path.read_text(encoding="utf-8"), str(path))
    if document.problems:
        raise ConfigError(*document.problems)
    return tuple(build(BuiltInLane, lane) for lane in document.values["lanes"])


@cache
def load_built_in_lanes() -> tuple[BuiltInLane, ...]:
    """The lanes that ship with the kit."""
    return read_built_in_lanes(BUILT_IN_LANES)


def lanes_of_run(lanes: Sequence[Lane], tasks: Sequence[Task]) -> tuple[Lane, ...]:
    """One's own lanes, then the built-in ones that none of them replaces by its name, with their tasks of the run."""
    replaced = {lane.name for lane in lanes}
    return (*lanes, *(lane.lane(tasks) for lane in load_built_in_lanes() if lane.name not in replaced))


def lane_differences(lane: Lane, tasks: Sequence[Task] | None) -> Iterator[str]:
    """How a lane differs from the built-in one of its name; nothing where there is none of its name.

    `tasks` are all tasks of the run; None if some are unknown, and then only the demands are compared.
    """
    built_in = next((each for each in load_built_in_lanes() if each.name == lane.name), None)
    if built_in is None:
        return
    expected = built_in.lane(tasks or ())
    for name in DEMANDS:
        here, there = getattr(lane, name), getattr(expected, name)
        if here != there:
            yield f"{name} is {to_json(plain(here))}, {to_json(plain(there))} in the kit"
    if tasks is None:
        return
    names = sorted({*lane.tasks, *expected.tasks})
    if others := [name for name in names if lane.tasks.get(name) != expected.tasks.get(name)]:
        yield f"its tasks are others or weigh more or less: {', '.join(others)}"
