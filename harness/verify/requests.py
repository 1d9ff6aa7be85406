"""Whether each request is what the task, the model's settings and the run's seed make it: the model was asked this."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.errors import ConfigError
from harness.run import (
    NONCE_PLACEHOLDER,
    cache_index,
    opening_messages,
    trial_nonce,
    turn_nonce,
)
from harness.servers import (
    ServerKind,
    build_request_body,
    compute_max_tokens,
    get_server_kind,
    load_kinds,
    with_trial_seed,
)
from harness.tasks import vary
from harness.types import Json, Model, ModelInfo, TrialResult, TurnResult, Variant
from harness.verify.evidence import Evidence, key_of, known_task
from harness.verify.recording_rows import Row, messages_digest
from harness.virtual_tools import assistant_tool_calls, tool_definitions, tool_messages, workspace_of

Messages = list[Mapping[str, Json]]


@dataclass(frozen=True, slots=True)
class _Question:
    """What is known of a trial before it was asked. `variant` is None where the task is not known here."""

    model: Model
    kind: ServerKind
    variant: Variant | None
    nonce: str

    @property
    def together(self) -> bool:
        """Whether several clients ask the first turn at once."""
        return self.variant is not None and bool(self.variant.task.clients)

    @property
    def apart(self) -> bool:
        """Whether each turn is a conversation of its own."""
        return self.together or (self.variant is not None and self.variant.task.separate)

    @property
    def tools(self) -> bool:
        """Whether the trial is a loop of tool calls."""
        return self.variant is not None and self.variant.task.tool_loop

    @property
    def cold(self) -> bool:
        """Whether every turn is the first of its conversation."""
        return self.variant is not None and not self.tools and (self.apart or len(self.variant.turns) == 1)


def _model(info: ModelInfo) -> Model:
    """The model as it was configured, as far as a result tells it."""
    return Model(
        label=info.label,
        server=info.server,
        base_url="",
        model=info.model,
        thinking="on" if info.thinking == "on" else "off" if info.thinking == "off" else "default",
        sampling=info.sampling,
        context_tokens=info.context_tokens,
    )


def unknown_kinds(evidence: Evidence) -> Iterator[tuple[int, str]]:
    """(index, name) of each model whose server kind this kit does not know: of its requests nothing can be said."""
    known = load_kinds()
    yield from ((at, model.server) for at, model in enumerate(evidence.result.models) if model.server not in known)


def _question(evidence: Evidence, trial: TrialResult) -> _Question | None:
    info = next((one for one in evidence.result.models if one.label == trial.model), None)
    task, key = known_task(evidence, trial.task), key_of(trial)
    if info is None or info.server not in load_kinds():
        return None
    kind = get_server_kind(info.server)
    model = with_trial_seed(_model(info), trial.trial)
    variant = None if task is None else vary(task, trial.trial)
    share = cache_index(evidence.result.models, info.label)
    return _Question(model, kind, variant, trial_nonce(evidence.result.run.seed, key, share))


def _fields(question: _Question) -> Mapping[str, Json]:
    """What every request must hold beside its messages and its limit of tokens."""
    model, kind, cold = question.model, question.kind, question.cold
    try:
        body = build_request_body(model, kind, [], 0, cold=cold)
    except ConfigError:
        # This kind has no switch for thinking that is known: its owner sent fields of his own for it.
        body = build_request_body(replace(model, thinking="default"), kind, [], 0, cold=cold)
    offered = (
        {"tools": tool_definitions(workspace_of(question.variant).offered)}
        if question.tools and question.variant
        else {}
    )
    fields = {name: value for name, value in body.items() if name not in ("messages", kind.max_tokens_field)}
    return fields | offered


def _field_faults(question: _Question, row: Row) -> Iterator[str]:
    request = row.request or {}
    for name, value in _fields(question).items():
        if name not in request:
            yield f"the request lacks {name!r}, which the result states"
        elif request[name] != value:
            yield f"the request's {name!r} is {request[name]!r}, the result states {value!r}"


def _budget_faults(question: _Question, variant: Variant, row: Row) -> Iterator[str]:
    allowed = (row.request or {}).get(question.kind.max_tokens_field)
    least = compute_max_tokens(question.model, question.kind, variant.task, 0)
    # The room for thoughts is the run's own choice; without thoughts there is none.
    thinks = compute_max_tokens(question.model, question.kind, variant.task, 1) > least
    if not isinstance(allowed, int) or (allowed < least if thinks else allowed != least):
        yield f"{allowed} output tokens were allowed, the task gives {least}"


def _reply(turn: TurnResult) -> Mapping[str, Json]:
    """What went back into the conversation of a turn."""
    said = {"role": "assistant", "content": turn.content}
    return {**said, "tool_calls": assistant_tool_calls(turn.tool_calls)} if turn.tool_calls else said


def _of_tool_loop(question: _Question, variant: Variant, trial: TrialResult) -> Iterator[Messages]:
    user = {"role": "user", "content": variant.turns[0].replace(NONCE_PLACEHOLDER, question.nonce)}
    messages: Messages = [*opening_messages(variant, question.nonce), user]
    workspace = workspace_of(variant)
    for turn in trial.turns:
        yield list(messages)
        answers, workspace = tool_messages(turn.tool_calls, workspace)
        messages += [_reply(turn), *answers]


def _of_conversation(question: _Question, variant: Variant, trial: TrialResult) -> Iterator[Messages]:
    messages: Messages = list(opening_messages(variant, question.nonce))
    for text, turn in zip(variant.turns, trial.turns, strict=False):
        messages.append({"role": "user", "content": text.replace(NONCE_PLACEHOLDER, question.nonce)})
        yield list(messages)
        messages.append(_reply(turn))


def _of_turns_apart(question: _Question, variant: Variant, trial: TrialResult) -> Iterator[Messages]:
    for turn in range(len(trial.turns)):
        text = variant.turns[0 if question.together else turn]
        nonce = turn_nonce(question.nonce, turn)
        yield [*opening_messages(variant, nonce), {"role": "user", "content": text.replace(NONCE_PLACEHOLDER, nonce)}]


def _wanted(question: _Question, variant: Variant, trial: TrialResult) -> list[Messages]:
    """The messages that each turn must have sent; the model's own words come from the turns before."""
    if question.tools:
        return list(_of_tool_loop(question, variant, trial))
    of = _of_turns_apart if question.apart else _of_conversation
    return list(of(question, variant, trial))


def asked_faults(evidence: Evidence, trial: TrialResult, rows: Sequence[Row]) -> Iterator[tuple[int, str]]:
    """(line, fault) for each request of a trial that is not what it should be. Of a task that is not known here only
    the settings are looked at."""
    question = _question(evidence, trial)
    if question is None:
        return
    for row in rows:
        yield from ((row.number, text) for text in _field_faults(question, row))
    variant = question.variant
    if variant is None:
        return
    wanted = _wanted(question, variant, trial)
    for row in rows:
        yield from ((row.number, text) for text in _budget_faults(question, variant, row))
        if row.turn >= len(wanted) or row.messages_sha256 != messages_digest(wanted[row.turn]):
            yield row.number, "its messages are not those of the task, this trial's nonce and the replies before"
