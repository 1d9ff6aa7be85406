"""Warnings about servers: GPU use by others, context length, behavior that differs from its kind, stopped services."""

from __future__ import annotations

from collections.abc import Iterator

from harness.files import to_json
from harness.types import (
    IGNORED_BY_SERVER,
    LONG_PROMPT,
    SERVER_DEFAULT_USED,
    Json,
    ModelInfo,
    ProbeFinding,
    Result,
    ResultWarning,
)

MIN_GPU_BUSY_PERCENT = 25


def gpu_in_use(result: Result) -> Iterator[ResultWarning]:
    """Other programs on the GPU reduce every speed."""
    host = result.host
    is_busy = host.gpu_utilization_percent is not None and host.gpu_utilization_percent >= MIN_GPU_BUSY_PERCENT
    if is_busy or host.gpu_processes:
        users = f" by {host.gpu_processes} programs" if host.gpu_processes else ""
        share = f" ({host.gpu_utilization_percent} % busy)" if host.gpu_utilization_percent is not None else ""
        yield ResultWarning("gpu_in_use", f"the GPU was in use{users} before the first request{share}")
    for model in result.models:
        busy_percent = model.memory.gpu_utilization_percent
        if busy_percent is not None and busy_percent >= MIN_GPU_BUSY_PERCENT:
            text = f"{model.label}: the GPU was {busy_percent} % busy before it was loaded"
            yield ResultWarning("gpu_in_use", text, model.label)


def _skipped_tasks(model: ModelInfo) -> str:
    names = ", ".join(sorted(skipped.task for skipped in model.skipped))
    return f"; skipped tasks: {names}" if names else ""


def context_lowered(result: Result) -> Iterator[ResultWarning]:
    """A server setting limits the context below what the model supports; the tasks that this cost are listed."""
    for model in result.models:
        served, supported = model.served_context_tokens, model.model_context_tokens
        # Several servers do not report what the model supports: then only a skipped task shows that it matters.
        if served is None or (supported is None and not model.skipped):
            continue
        if supported is not None and served >= supported:
            continue
        setting = f" ({model.context_setting})" if model.context_setting else ""
        limit = "the model's own limit is not reported" if supported is None else f"the model supports {supported}"
        text = f"{model.label}: the server provides {served} tokens of context{setting}, {limit}"
        yield ResultWarning("context_lowered", text + _skipped_tasks(model), model.label)


def _format(value: Json) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "nothing"
    return value if isinstance(value, str) else to_json(value)


def _mismatch(finding: ProbeFinding) -> str:
    return f"{finding.name} is {_format(finding.observed)}, expected {_format(finding.stated)}"


def server_differs(result: Result) -> Iterator[ResultWarning]:
    """The server behaves differently from what Lanebench knows of its kind; the observed behavior is used."""
    for model in result.models:
        mismatches = [
            _mismatch(finding)
            for finding in model.probe_findings
            if finding.agrees is False and finding.name != LONG_PROMPT
        ]
        if mismatches:
            text = f"the server differs from a typical {model.server}: {'; '.join(mismatches)}"
            yield ResultWarning("server_differs", f"{model.label}: {text}", model.label)


def extra_fields(result: Result) -> Iterator[ResultWarning]:
    """Fields that the user added to every request; some of them, such as a grammar, decide what a model can answer."""
    for model in result.models:
        if model.extra:
            names = ", ".join(sorted(model.extra))
            text = f"{model.label}: each request has fields of the user's own ({names}); see the model's configuration"
            yield ResultWarning("extra_fields", text, model.label)


def settings_lost(result: Result) -> Iterator[ResultWarning]:
    """Sampling settings that the server decides instead of the run."""
    reasons = {
        SERVER_DEFAULT_USED: "not sent; the server's defaults apply, and they differ between servers",
        IGNORED_BY_SERVER: "sent, but servers of this kind are known to ignore it",
    }
    for model in result.models:
        for finding in model.probe_findings:
            if finding.name in reasons and finding.observed:
                text = f"{model.label}: {_format(finding.observed)}: {reasons[finding.name]}"
                yield ResultWarning(finding.name, text, model.label)


def loaded_in_request(result: Result) -> Iterator[ResultWarning]:
    """A proxy loaded the model while a request waited, so that the load time is in a TTFT."""
    for model in result.models:
        places = [
            finding.observed
            for finding in model.probe_findings
            if finding.name == "early_events" and isinstance(finding.observed, list)
        ]
        if any("synthetic_progress" in place for place in places):
            text = (
                f"{model.label}: a proxy loaded the model during a request and streamed made-up reasoning meanwhile: "
                "the load time is part of that reply's TTFT"
            )
            yield ResultWarning("loaded_in_request", text, model.label)


def long_prompt(result: Result) -> Iterator[ResultWarning]:
    """The server did not accept a prompt of the run's greatest length in full before the first trial."""
    for model in result.models:
        for finding in model.probe_findings:
            if finding.name == LONG_PROMPT and finding.agrees is False:
                text = (
                    f"{model.label}: a test prompt as long as the longest of the run was {_format(finding.observed)}: "
                    f"{finding.note}"
                )
                yield ResultWarning("long_prompt", text + _skipped_tasks(model), model.label)


def restored(result: Result) -> Iterator[ResultWarning]:
    """Services that the run stopped and started again."""
    names = [change.service for change in result.run.stopped_services if change.restored]
    if names:
        yield ResultWarning("restored", f"stopped for the run and restored: {', '.join(dict.fromkeys(names))}")
