"""Report the scorer's rate as text: `scorer_table` has the rates side by side, the engine's stages and the targets."""

from __future__ import annotations

from harness.calibration.scorer_rate import BARE_ENGINE, DOCKER_RUN, LANEBENCH, ScorerMeasurements, ScorerRate

MIN_SHARE_OF = {BARE_ENGINE: 0.9, DOCKER_RUN: 2.0}
"""Targets: the kit's rate as a share of the other way's."""
MAX_LATENCY_MS = 60.0
"""Target for one answer whose container is ready: milliseconds from the job to its observations."""
_MIB = 1024 * 1024
_HEADER = ("language", "way", "threads", "n", "programs/s", "CPU ms each", "of bare", "of docker run")


def _share(rate: ScorerRate, other: ScorerRate | None) -> str:
    """A rate as a share of another's, with the minimum and maximum of the blocks."""
    if other is None:
        return "-"
    if other is rate:
        return "1"
    shares = [mine / theirs for mine, theirs in zip(rate.blocks_per_s, other.blocks_per_s, strict=True)]
    return f"{rate.per_s / other.per_s:.2f} ({min(shares):.2f}-{max(shares):.2f})"


def _cells(rate: ScorerRate, rate_of: dict[str, ScorerRate]) -> tuple[str, ...]:
    return (
        rate.language,
        rate.way,
        str(rate.threads),
        str(rate.n),
        f"{rate.per_s:.1f}",
        "unknown" if rate.cpu_ms is None else f"{rate.cpu_ms:.0f}",
        _share(rate, rate_of.get(BARE_ENGINE)),
        _share(rate, rate_of.get(DOCKER_RUN)),
    )


def _rows(measurements: ScorerMeasurements) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [_HEADER]
    for rate in measurements.rates:
        rate_of = {other.way: other for other in measurements.rates if other.language == rate.language}
        rows.append(_cells(rate, rate_of))
    return rows


def target_lines(measurements: ScorerMeasurements) -> list[str]:
    """A line per target and language: met or missed, and by how much."""
    rates = {(rate.language, rate.way): rate.per_s for rate in measurements.rates}
    lines = []
    for language, (median_ms, _) in measurements.latency_ms.items():
        for way, min_share in MIN_SHARE_OF.items():
            if (language, way) in rates:
                share = rates[language, LANEBENCH] / rates[language, way]
                verdict = _verdict(share >= min_share)
                lines.append(f"{verdict} {language}: {share:.2f} of {way}, the target is at least {min_share:g}")
        lines.append(
            f"{_verdict(median_ms <= MAX_LATENCY_MS)} {language}: {median_ms:.0f} ms for one answer with the pool "
            f"warm, the target is at most {MAX_LATENCY_MS:g} ms"
        )
    return lines


def _verdict(is_met: bool) -> str:
    return "met   " if is_met else "MISSED"


def _single_lines(measurements: ScorerMeasurements) -> list[str]:
    """The stages of a bare container and the latency of single answers, per language."""
    lines = []
    for language, stages_ms in measurements.stages_ms.items():
        total_ms = sum(stages_ms.values())
        shares = ", ".join(f"{stage} {ms:.0f} ms ({ms / total_ms:.0%})" for stage, ms in stages_ms.items())
        median_ms, max_ms = measurements.latency_ms[language]
        lines.append(f"{language}: bare container, one at a time: {shares}")
        lines.append(f"{language}: one answer with the pool warm: median {median_ms:.0f} ms, maximum {max_ms:.0f} ms")
    return lines


def scorer_table(measurements: ScorerMeasurements) -> str:
    """Format all measurements as text."""
    rows = _rows(measurements)
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    memory = ", ".join(f"{size / _MIB:.0f}" for size in measurements.memory_bytes)
    singles = [*_single_lines(measurements), f"the kit's memory after each block: {memory} MiB"]
    return "\n".join([*table, "", *singles, "", *target_lines(measurements)])
