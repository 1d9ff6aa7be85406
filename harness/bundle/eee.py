"""Exports a result in the Every Eval Ever format: `eee_files` gives a document per model and the lines of its trials.

The format (schema 0.3.0, eval.schema.json of github.com/evaleval/every_eval_ever) has no fields for hardware,
quantization or a context window: they become strings in its `additional_details`. `verify` checks the bundle, not this
export.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from harness.files import sha256_of, to_json
from harness.types import Cell, Json, ModelInfo, Result, TrialResult

SCHEMA_VERSION = "0.3.0"
MAX_SLUG_CHARS = 60


def _strings(**values: object) -> dict[str, str]:
    """The values that are known, as strings: the format allows no other type in `details`."""
    return {name: str(value) for name, value in values.items() if value is not None}


def _epoch(moment: str) -> str:
    return str(int(datetime.fromisoformat(moment).timestamp()))


def slug(text: str) -> str:
    """Text as a part of a file name; one that is cut or has other characters gets a digest, so that none is double."""
    name = "".join(char if char.isalnum() or char in "._-" else "-" for char in text)[:MAX_SLUG_CHARS]
    return name if name == text else f"{name}-{sha256_of(text)[:8]}"


def _model_info(result: Result, model: ModelInfo) -> Json:
    host = result.host
    details = _strings(
        deployment_type="self_hosted",
        context_tokens=model.context_tokens,
        served_context_tokens=model.served_context_tokens,
        thinking=model.thinking,
        chip=host.chip,
        memory_bytes=host.memory_bytes,
        gpu_cores=host.gpu_cores,
        system=host.system,
        system_version=host.system_version,
    )
    declared = _strings(**{f"declared_{name}": value for name, value in model.facts.items()})
    engine = _strings(name=model.server, version=model.server_version)
    return {
        "name": model.label,
        "id": model.model,
        "inference_engine": engine,
        "inference_platform": "local",
        "additional_details": details | declared,
    }


def _uncertainty(cell: Cell) -> Json:
    rate = cell.pass_rate
    interval = {"lower": rate.low, "upper": rate.high, "confidence_level": 0.95, "method": "wilson"}
    return {"num_samples": rate.n} | ({} if rate.low is None else {"confidence_interval": interval})


def _evaluation(result: Result, model: ModelInfo, cell: Cell) -> Json:
    task = next(task for task in result.tasks if task.name == cell.task)
    args = {"temperature": model.sampling.temperature, "top_p": model.sampling.top_p, "top_k": model.sampling.top_k}
    args |= {name: value for name, value in model.extra.items() if name in args}
    outcomes = {f"outcome_{name}": count for name, count in cell.outcomes.items()}
    return {
        "evaluation_name": f"lanebench/{cell.task}",
        "source_data": {
            "dataset_name": f"lanebench {cell.task}",
            "source_type": "other",
            "additional_details": _strings(task_sha256=task.sha256, suite=result.run.suite),
        },
        "metric_config": {
            "evaluation_description": f"Share of trials passed: {task.title}",
            "lower_is_better": False,
            "score_type": "continuous",
            "min_score": 0.0,
            "max_score": 1.0,
        },
        "score_details": {
            "score": cell.pass_rate.rate,
            "details": _strings(passed=cell.pass_rate.passed, trials=cell.pass_rate.n, **outcomes),
            "uncertainty": _uncertainty(cell),
        },
        "generation_config": {
            "generation_args": {name: value for name, value in args.items() if value is not None}
            | ({} if model.thinking == "default" else {"reasoning": model.thinking == "on"})
            | {"max_attempts": 1},
        },
    }


def _line(result: Result, trial: TrialResult) -> Json:
    """One trial as a line; its prompt is in the recordings of the bundle, which `run` and `sample_id` identify."""
    turn = trial.turns[-1] if trial.turns else None
    return {
        "sample_id": f"{trial.task}/{trial.trial}",
        "run": result.run.id,
        "variant": trial.variant,
        "output": None if turn is None or turn.is_withheld else turn.content,
        "answer_attribution": trial.extraction_rule,
        "score": 1.0 if trial.outcome == "passed" else 0.0,
        "outcome": str(trial.outcome),
        "output_sha256": None if turn is None else turn.content_sha256,
        "time_to_first_token_s": None if turn is None else turn.timings.ttft_s,
        "generation_s": None if turn is None else turn.timings.e2e_s,
    }


def _document(result: Result, model: ModelInfo, lines: str, lines_name: str) -> Json:
    cells = [
        cell for cell in result.cells if cell.model == model.label and cell.scored and cell.pass_rate.rate is not None
    ]
    moment = _epoch(result.run.ended_at)
    return {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": f"lanebench/{slug(model.label)}/{result.run.id}",
        "evaluation_timestamp": result.run.started_at,
        "retrieved_timestamp": moment,
        "source_metadata": {
            "source_name": "lanebench",
            "source_type": "evaluation_run",
            "source_organization_name": "independent",
            "evaluator_relationship": "third_party",
        },
        "eval_library": {
            "name": "lanebench",
            "version": result.kit.version,
            "additional_details": _strings(commit=result.kit.commit),
        },
        "model_info": _model_info(result, model),
        "evaluation_results": [_evaluation(result, model, cell) for cell in cells],
        "detailed_evaluation_results": {
            "format": "jsonl",
            "file_path": lines_name,
            "hash_algorithm": "sha256",
            "checksum": sha256_of(lines),
            "total_rows": lines.count("\n"),
        },
    }


def eee_documents(result: Result) -> Iterator[tuple[str, Json, str, str]]:
    """The name and document, and the name and text of the lines, of each model with trials of a scored task."""
    scored = {cell.task for cell in result.cells if cell.scored}
    for model in result.models:
        trials = [trial for trial in result.counted_trials if trial.model == model.label and trial.task in scored]
        if not trials:
            continue
        name = f"{result.run.id}-{slug(model.label)}"
        lines = "".join(to_json(_line(result, trial)) + "\n" for trial in trials)
        yield f"{name}.json", _document(result, model, lines, f"{name}.jsonl"), f"{name}.jsonl", lines


def eee_files(result: Result) -> Iterator[tuple[str, str]]:
    """Name and text of every file."""
    for name, document, lines_name, lines in eee_documents(result):
        yield name, to_json(document, indent=1) + "\n"
        yield lines_name, lines
