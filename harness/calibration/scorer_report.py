"""Report the scorer's rate as text: `scorer_table` has the rates side by side, the engine's stages and the targets."""

from __future__ import annotations

from harness.calibration.scorer_rate import BARE_ENGINE, DOCKER_RUN, LANEBENCH, ScorerMeasurements, ScorerRate

MIN_RATIO_TO = {BARE_ENGINE: 0.9, DOCKER_RUN: 2.0}
"""Targets: the rate of lanebench over that of the other method."""
MAX_LATENCY_MS = 60.0
"""Target for one answer whose container is ready: milliseconds from the job to its observations."""
_MIB = 1024 * 1024
_MISSED = "MISSED"
_HEADER = ("language", "method", "threads", "n", "programs/s", "CPU ms each", "of bare", "of docker run")


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
        rate.method,
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
        rate_of = {other.method: other for other in measurements.rates if other.language == rate.language}
        rows.append(_cells(rate, rate_of))
    return rows


def target_lines(measurements: ScorerMeasurements) -> list[str]:
    """A line per target and language: met or missed, and by how much."""
    rates = {(rate.language, rate.method): rate.per_s for rate in measurements.rates}
    lines = []
    for language, (median_ms, _) in measurements.latency_ms.items():
        for method, min_ratio in MIN_RATIO_TO.items():
            if (language, method) in rates:
                ratio = rates[language, LANEBENCH] / rates[language, method]
                verdict = _verdict(ratio >= min_ratio)
                lines.append(f"{verdict} {language}: {ratio:.2f} times {method}, the target is at least {min_ratio:g}")
        lines.append(
            f"{_verdict(median_ms <= MAX_LATENCY_MS)} {language}: {median_ms:.0f} ms for one answer with the pool "
            f"warm, the target is at most {MAX_LATENCY_MS:g} ms"
        )
    return lines


def missed_targets(measurements: ScorerMeasurements) -> list[str]:
    """The targets that were missed, a text each."""
    return [line.removeprefix(_MISSED).lstrip() for line in target_lines(measurements) if line.startswith(_MISSED)]


def _verdict(is_met: bool) -> str:
    return "met   " if is_met else _MISSED


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
    single_lines = [*_single_lines(measurements), f"lanebench's memory after each block: {memory} MiB"]
    return "\n".join([*table, "", *single_lines, "", *target_lines(measurements)])
