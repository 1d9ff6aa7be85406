"""The nouns of the kit (DESIGN: words), as frozen dataclasses, and the protocol of the sandbox.

Nothing here does any work. Times end in `_ns` (monotonic nanoseconds) or `_s` (seconds), sizes in `_bytes`,
counts of tokens in `_tokens`, rates in `_tps` (tokens a second). What is unknown is None.
"""

from harness.types.bundle import FileDigest, Manifest, Supersedes
from harness.types.figures import (
    Caveat,
    Cell,
    Comparison,
    Drift,
    ModelSummary,
    Prefill,
    PrefillPoint,
    Rank,
    Rate,
    Spread,
    SuiteRate,
    Throughput,
    TurnSpeeds,
)
from harness.types.host import HostFacts, KitUse, MemoryUse, SelfTest
from harness.types.lane import Demand, Lane, Override, RankBy, Recommendation, Standing
from harness.types.model import Lifecycle, Model, Sampling, TrialKey
from harness.types.probe import IGNORED_BY_SERVER, LEFT_TO_SERVER, LONG_PROMPT, Finding, ProbeReport
from harness.types.reading import Counts, Reading, StreamError, Timings, ToolCall, Usage
from harness.types.recording import Chunk, Ended, Recording
from harness.types.result import Digests, ModelInfo, Result, RunInfo
from harness.types.run import Change, KitInfo, ModelRun, RunPlan, Skipped
from harness.types.scoring import (
    CaseEnd,
    Check,
    Job,
    Limited,
    Observation,
    Sandbox,
    SandboxFacts,
    Score,
    ScoredTrial,
)
from harness.types.task import Case, Limits, Task, TaskInfo, Variant, Wrong
from harness.types.trial import TrialResult, TurnResult
from harness.types.words import Channel, Json, Outcome, Source

__all__ = [
    "IGNORED_BY_SERVER",
    "LEFT_TO_SERVER",
    "LONG_PROMPT",
    "Case",
    "CaseEnd",
    "Caveat",
    "Cell",
    "Change",
    "Channel",
    "Check",
    "Chunk",
    "Comparison",
    "Counts",
    "Demand",
    "Digests",
    "Drift",
    "Ended",
    "FileDigest",
    "Finding",
    "HostFacts",
    "Job",
    "Json",
    "KitInfo",
    "KitUse",
    "Lane",
    "Lifecycle",
    "Limited",
    "Limits",
    "Manifest",
    "MemoryUse",
    "Model",
    "ModelInfo",
    "ModelRun",
    "ModelSummary",
    "Observation",
    "Outcome",
    "Override",
    "Prefill",
    "PrefillPoint",
    "ProbeReport",
    "Rank",
    "RankBy",
    "Rate",
    "Reading",
    "Recommendation",
    "Recording",
    "Result",
    "RunInfo",
    "RunPlan",
    "Sampling",
    "Sandbox",
    "SandboxFacts",
    "Score",
    "ScoredTrial",
    "SelfTest",
    "Skipped",
    "Source",
    "Spread",
    "Standing",
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
    "Wrong",
]
