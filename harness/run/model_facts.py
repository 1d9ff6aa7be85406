"""What a run notes of a model beside its trials: what its server reports, the memory that it took, the kit's own share.

`with_readiness` and `with_observations` add it to a `ModelRun`, before the first trial and after the last.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from harness.host import CpuTimes, cpu_times, other_cpu_share, peak_rss_bytes
from harness.lifecycle import ModelSession, memory_use
from harness.servers import ServerKind, observe
from harness.types import ModelRun, ProbeFinding, RecorderOverhead, Recording

TIME_USED = ProbeFinding(
    "time_budget",
    note="the time of the run was used before its next trial, by loading it and by the requests that a run sends first",
)
"""Why a model has no trial, or none of a block; nothing is concluded from the replies that the time cut off."""


def with_readiness(run: ModelRun, session: ModelSession) -> ModelRun:
    """Add what the loaded server says about itself."""
    ready = session.readiness
    return replace(
        run,
        server_version=ready.version,
        served_context_tokens=ready.context_tokens,
        model_context_tokens=ready.model_context_tokens,
        load_s=session.load_s,
    )


def with_observations(
    run: ModelRun, session: ModelSession, first_turns: Sequence[Recording], kind: ServerKind
) -> ModelRun:
    """Add the memory that the model took, and what its first replies showed of the server."""
    before, loaded = session.before.swap_bytes, session.loaded.swap_bytes
    findings = observe(first_turns, kind)
    return replace(
        run,
        memory=memory_use(session.before, session.loaded, session.after),
        swap_growth_bytes=None if before is None or loaded is None else loaded - before,
        probe_findings=(*(finding for finding in findings if finding.observed is not None), *run.probe_findings),
    )


def recorder_overhead(cpu_before: CpuTimes, start_s: float, turns: int) -> RecorderOverhead:
    """The resources that the kit itself used since then, for so many turns."""
    cpu_after = cpu_times()
    return RecorderOverhead(
        cpu_s=cpu_after.process_s - cpu_before.process_s,
        wall_s=time.monotonic() - start_s,
        turns=turns,
        peak_rss_bytes=peak_rss_bytes(),
        other_cpu_share=other_cpu_share(cpu_before, cpu_after),
    )
