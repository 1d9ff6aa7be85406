"""The data types of Lanebench as frozen dataclasses, and the protocol of the sandbox.

The fields of Recording, ModelRun, ScoredTrial, RunPlan, Result and Manifest are the keys of the JSON files. Names end
in their unit: `_ns` (monotonic nanoseconds), `_s` (seconds), `_bytes`, `_tokens`, `_tps` (tokens per second); shares
are 0 to 1. What is unknown is None. The types import nothing but each other and do no work.
"""

from harness.types.bundle import FileDigest, Manifest, Supersedes
from harness.types.common import Channel, Json, Log, Outcome, Source
from harness.types.host import HostFacts, KitUse, MemoryUse, SelfTest
from harness.types.lane import (
    Confidence,
    Lane,
    Override,
    RankBy,
    Recommendation,
    Requirement,
    RequirementState,
    Standing,
)
from harness.types.model import Lifecycle, Model, Sampling, TrialKey
from harness.types.probe import IGNORED_BY_SERVER, LEFT_TO_SERVER, LONG_PROMPT, ProbeFinding, ProbeReport
from harness.types.reading import Counts, Reading, StreamError, Timings, ToolCall, Usage
from harness.types.recording import Chunk, EndReason, Recording
from harness.types.result import Digests, ModelInfo, Result, RunInfo
from harness.types.run import KitInfo, ModelRun, RunPlan, ServiceChange, SkippedTask
from harness.types.scoring import CaseEnd, Check, Job, Limited, Observation, Sandbox, SandboxFacts, Score, ScoredTrial
from harness.types.settings import CUSTOM_SUITE, RunOption, RunSettings, run_options
from harness.types.summary import (
    Cell,
    Comparison,
    DifferenceVerdict,
    Drift,
    Estimand,
    ModelSummary,
    PassRate,
    Prefill,
    PrefillPoint,
    Rank,
    ResultWarning,
    Spread,
    SuiteRate,
    Throughput,
    TurnSpeeds,
)
from harness.types.task import Case, Limits, Task, TaskInfo, Variant, WrongAnswer
from harness.types.trial import TrialResult, TurnResult
from harness.types.verification import LEVEL_ALIASES, LEVELS, Finding, LevelReport, Severity, State, Verdict

__all__ = [
    "CUSTOM_SUITE",
    "IGNORED_BY_SERVER",
    "LEFT_TO_SERVER",
    "LEVELS",
    "LEVEL_ALIASES",
    "LONG_PROMPT",
    "Case",
    "CaseEnd",
    "Cell",
    "Channel",
    "Check",
    "Chunk",
    "Comparison",
    "Confidence",
    "Counts",
    "DifferenceVerdict",
    "Digests",
    "Drift",
    "EndReason",
    "Estimand",
    "FileDigest",
    "Finding",
    "HostFacts",
    "Job",
    "Json",
    "KitInfo",
    "KitUse",
    "Lane",
    "LevelReport",
    "Lifecycle",
    "Limited",
    "Limits",
    "Log",
    "Manifest",
    "MemoryUse",
    "Model",
    "ModelInfo",
    "ModelRun",
    "ModelSummary",
    "Observation",
    "Outcome",
    "Override",
    "PassRate",
    "Prefill",
    "PrefillPoint",
    "ProbeFinding",
    "ProbeReport",
    "Rank",
    "RankBy",
    "Reading",
    "Recommendation",
    "Recording",
    "Requirement",
    "RequirementState",
    "Result",
    "ResultWarning",
    "RunInfo",
    "RunOption",
    "RunPlan",
    "RunSettings",
    "Sampling",
    "Sandbox",
    "SandboxFacts",
    "Score",
    "ScoredTrial",
    "SelfTest",
    "ServiceChange",
    "Severity",
    "SkippedTask",
    "Source",
    "Spread",
    "Standing",
    "State",
    "StreamError",
    "SuiteRate",
    "Supersedes",
    "Task",
    "TaskInfo",
    "Throughput",
    "Timings",
    "ToolCall",
    "TrialKey",
    "TrialResult",
    "TurnResult",
    "TurnSpeeds",
    "Usage",
    "Variant",
    "Verdict",
    "WrongAnswer",
    "run_options",
]
