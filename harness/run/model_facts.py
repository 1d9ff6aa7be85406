"""What a run notes of a model beside its trials: what its server reports, the memory that it took, the kit's own share.

`with_readiness`, `with_observations` and `with_overhead` add it to a `ModelRun` in each pass, before and after its
trials.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from harness.host import CpuTimes, cpu_times, other_cpu_share, peak_rss_bytes
from harness.lifecycle import ModelSession, memory_use
from harness.servers import ServerKind, observe
from harness.types import MemoryUse, ModelRun, ProbeFinding, RecorderOverhead, Recording

TIME_USED = ProbeFinding(
    "time_budget",
    note="the time of the run was used before its next trial, by loading it and by the requests that a run sends first",
)
"""Why a model has no trial, or none of a block; nothing is concluded from the replies that the time cut off."""


def with_readiness(run: ModelRun, session: ModelSession) -> ModelRun:
    """Add what the loaded server says about itself; how long loading took is kept from the first time."""
    ready = session.readiness
    return replace(
        run,
        server_version=ready.version,
        served_context_tokens=ready.context_tokens,
        model_context_tokens=ready.model_context_tokens,
        load_s=session.load_s if run.load_s is None else run.load_s,
    )


def with_observations(
    run: ModelRun, session: ModelSession, first_turns: Sequence[Recording], kind: ServerKind
) -> ModelRun:
    """Add the memory that the model took, and what its first replies showed of the server.

    The memory is kept from the first time: a server that goes on running has the model loaded ever after. The largest
    growth of the swap space counts.
    """
    before, loaded = session.before.swap_bytes, session.loaded.swap_bytes
    growths = [run.swap_growth_bytes, None if before is None or loaded is None else loaded - before]
    findings = observe(first_turns, kind)
    return replace(
        run,
        memory=memory_use(session.before, session.loaded, session.after) if run.memory == MemoryUse() else run.memory,
        swap_growth_bytes=max((growth for growth in growths if growth is not None), default=None),
        probe_findings=(*(finding for finding in findings if finding.observed is not None), *run.probe_findings),
    )


def with_overhead(run: ModelRun, cpu_before: CpuTimes, start_s: float, turns: int) -> ModelRun:
    """Add the resources that the kit itself used since then, for so many turns, to those of the passes before."""
    cpu_after = cpu_times()
    used = RecorderOverhead(
        cpu_s=cpu_after.process_s - cpu_before.process_s,
        wall_s=time.monotonic() - start_s,
        turns=turns,
        peak_rss_bytes=peak_rss_bytes(),
        other_cpu_share=other_cpu_share(cpu_before, cpu_after),
    )
    earlier = run.recorder_overhead
    return replace(run, recorder_overhead=used if earlier is None else _sum(earlier, used))


def _sum(first: RecorderOverhead, second: RecorderOverhead) -> RecorderOverhead:
    parts, wall_s = (first, second), first.wall_s + second.wall_s
    shares = [part.other_cpu_share * part.wall_s / wall_s for part in parts if part.other_cpu_share is not None]
    return RecorderOverhead(
        cpu_s=first.cpu_s + second.cpu_s,
        wall_s=wall_s,
        turns=first.turns + second.turns,
        peak_rss_bytes=max(first.peak_rss_bytes, second.peak_rss_bytes),
        other_cpu_share=sum(shares) if len(shares) == len(parts) else None,
    )
