"""Checks that each recorded request is the one that task, model settings and seed determine.

`find_request_problems` rebuilds the requests of a trial. What a model replied in earlier turns is taken from the
recordings, whose length bounds the work; what it was sent is built from the task folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.apis import Api, get_api
from harness.files import sha256_of, to_json
from harness.run import (
    NONCE_PLACEHOLDER,
    cache_index,
    max_trial_turns,
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
    max_tokens_field,
    thinking_allowance,
    with_trial_seed,
)
from harness.tasks import vary
from harness.types import Json, Model, ModelInfo, TrialResult, TurnResult, Variant
from harness.verify.evidence import Evidence, key_of, same_task
from harness.verify.recording_lines import RereadTurn
from harness.virtual_tools import assistant_tool_calls, tool_definitions, tool_messages, workspace_of

Messages = list[Mapping[str, Json]]
MAX_VALUE_CHARS = 80
MIN_TOKENS_PER_CALL = 4
"""A call has at least a name, arguments and a mark before each."""


@dataclass(frozen=True, slots=True)
class _PlannedTrial:
    """What determines the requests of a trial. `variant` is None for a task that is not known locally."""

    model: Model
    kind: ServerKind
    variant: Variant | None
    nonce: str
    thinking_tokens: int

    @property
    def api(self) -> Api:
        """The API that the result states."""
        return get_api(self.model.api)

    @property
    def concurrent(self) -> bool:
        """Whether several clients send the first turn at the same time."""
        return self.variant is not None and bool(self.variant.task.clients)

    @property
    def separate_turns(self) -> bool:
        """Whether each turn starts a new conversation."""
        return self.concurrent or (self.variant is not None and self.variant.task.separate)

    @property
    def tool_loop(self) -> bool:
        """Whether the turns are a loop of tool calls."""
        return self.variant is not None and self.variant.task.tool_loop

    @property
    def max_turns(self) -> int:
        """How many turns a trial of the task has at most; 0 for a task that is not known locally."""
        return 0 if self.variant is None else max_trial_turns(self.variant)

    @property
    def cold(self) -> bool:
        """Whether every turn is the first of its conversation."""
        if self.variant is None or self.tool_loop:
            return False
        return self.separate_turns or len(self.variant.turns) == 1


def find_unknown_servers(evidence: Evidence) -> Iterator[tuple[int, str]]:
    """The index and the server kind of each model whose server kind is not known locally."""
    known = load_kinds()
    yield from ((at, model.server) for at, model in enumerate(evidence.result.models) if model.server not in known)


def find_reserved_fields(evidence: Evidence) -> Iterator[tuple[int, str]]:
    """The index of each model whose stated `extra` would override what the run itself sends, and the field."""
    for at, model in enumerate(evidence.result.models):
        yield from ((at, name) for name in get_api(model.api).reserved_fields if name in model.extra)


def find_request_problems(
    evidence: Evidence, trial: TrialResult, turns: Sequence[RereadTurn]
) -> Iterator[tuple[int, str]]:
    """The line and the message of each request of a trial that is not the expected one.

    For a task that is not known locally, only the settings are checked; of an agent's, only API and model.
    """
    planned = _plan(evidence, trial)
    if planned is None:
        return
    if planned.model.agent is not None:
        yield from ((turn.line, text) for turn in turns for text in _agent_request_problems(planned, turn))
        return
    limit, count = planned.max_turns, max(len(trial.turns), len(turns))
    if planned.variant is not None and count > limit:
        # Each turn's messages repeat those before: the cost of building them grows with the square of the turns.
        yield turns[0].line, f"the trial has {count} turns, the task has at most {limit}"
        return
    for turn in turns:
        yield from ((turn.line, message) for message in _settings_problems(planned, turn))
    if planned.variant is None:
        return
    for turn in turns:
        yield from ((turn.line, message) for message in _budget_problems(planned, planned.variant, turn))
    if text := _excess_calls(planned, planned.variant, turns):
        yield turns[0].line, text
        return
    yield from _message_problems(planned, planned.variant, turns)


def _excess_calls(planned: _PlannedTrial, variant: Variant, turns: Sequence[RereadTurn]) -> str:
    """Why the calls of a tool loop are not answered again: each may search all files, and none comes without tokens."""
    budget = compute_max_tokens(variant.task, planned.thinking_tokens)
    count = max((len(reply.tool_calls) for reply in _replies(turns)), default=0)
    if planned.tool_loop and count > budget // MIN_TOKENS_PER_CALL:
        return f"a reply has {count} tool calls, more than the task's budget of {budget} tokens has room for"
    return ""


def _message_problems(
    planned: _PlannedTrial, variant: Variant, turns: Sequence[RereadTurn]
) -> Iterator[tuple[int, str]]:
    """The requests with other messages than expected; in a tool loop the first one, which those after it repeat."""
    expected = _expected_messages(planned, variant, turns)
    for turn in turns:
        messages = next(expected, None)
        if messages is None or turn.conversation_sha256 != _digest_of(planned, messages):
            yield turn.line, "the messages are not those of the task with this trial's nonce and the earlier replies"
            if planned.tool_loop:
                return


def _agent_request_problems(planned: _PlannedTrial, turn: RereadTurn) -> Iterator[str]:
    """An agent writes its own requests: only the API and the model are the trial's. Its work is no request."""
    if turn.trial is not None and turn.trial.work is not None:
        return
    model = (turn.request or {}).get("model")
    if turn.api != planned.api.name:
        yield f"the request went to the {get_api(turn.api).title} API, the result states {planned.api.title}"
    if model != planned.model.model:
        yield f"the request names the model {_shorten(model)}, the result states {_shorten(planned.model.model)}"


def _plan(evidence: Evidence, trial: TrialResult) -> _PlannedTrial | None:
    info = next((model for model in evidence.result.models if model.label == trial.model), None)
    if info is None or info.server not in load_kinds():
        return None
    task = same_task(evidence, trial.task)
    index = cache_index(evidence.result.models, info.label)
    return _PlannedTrial(
        model=with_trial_seed(configured_model(info), trial.trial),
        kind=get_server_kind(info.server),
        variant=None if task is None else vary(task, trial.trial),
        nonce=trial_nonce(evidence.result.run.seed, key_of(trial), index, evidence.result.run.beacon),
        thinking_tokens=stated_thinking_tokens(evidence, trial),
    )


def stated_thinking_tokens(evidence: Evidence, trial: TrialResult) -> int:
    """The output budget for thinking that the result states for a trial; the check of skipped tasks holds its cuts."""
    info = next(model for model in evidence.result.models if model.label == trial.model)
    cut = {budget.task: budget.thinking_tokens for budget in info.cut_budgets}
    return cut.get(trial.task, stated_allowance(info, evidence.result.run.thinking_tokens))


def stated_allowance(info: ModelInfo, thinking_tokens: int) -> int:
    """The output budget for thinking of a task that fits the context, by what the result states of the model."""
    return thinking_allowance(configured_model(info), get_server_kind(info.server), info.thinks, thinking_tokens)


def configured_model(info: ModelInfo) -> Model:
    """The model as it was configured, as far as a result states it."""
    return Model(
        label=info.label,
        server=info.server,
        base_url="",
        model=info.model,
        api=info.api,
        thinking=info.thinking,
        sampling=info.sampling,
        context_tokens=info.context_tokens,
        extra=info.extra,
        agent=info.agent,
    )


def _settings_problems(planned: _PlannedTrial, turn: RereadTurn) -> Iterator[str]:
    request, expected = turn.request or {}, _expected_fields(planned)
    if turn.api != planned.api.name:
        yield f"the request went to the {get_api(turn.api).title} API, the result states {planned.api.title}"
        return
    for name, value in expected.items():
        if name not in request:
            yield f"the request lacks {name!r}, which the result states"
        elif request[name] != value:
            yield f"the request's {name!r} is {_shorten(request[name])}, the result states {_shorten(value)}"
    for name in sorted(set(request) - set(expected) - _variable_fields(planned)):
        yield f"the request has {name!r}, {_shorten(request[name])}, which the result does not state"


def _variable_fields(planned: _PlannedTrial) -> set[str]:
    """The fields that have a check of their own, and those that a task decides that is not known locally."""
    fields = {*planned.api.conversation_fields, max_tokens_field(planned.kind, planned.model)}
    disable_cache = planned.kind.api_facts(planned.model.api).disable_cache or {}
    return fields if planned.variant is not None else {*fields, "tools", *disable_cache}


def _shorten(value: Json) -> str:
    text = to_json(value)
    return text if len(text) <= MAX_VALUE_CHARS else f"{text[: MAX_VALUE_CHARS - 3]}..."


def _expected_fields(planned: _PlannedTrial) -> Mapping[str, Json]:
    """The fields of every request other than its messages and its token limit."""
    model, kind = planned.model, planned.kind
    body = build_request_body(model, kind, [], 0, disable_cache=planned.cold)
    own = (*planned.api.conversation_fields, max_tokens_field(kind, model))
    fields = {name: value for name, value in body.items() if name not in own}
    if planned.tool_loop and planned.variant is not None:
        fields["tools"] = planned.api.write_tools(tool_definitions(workspace_of(planned.variant).offered))
    return fields


def _budget_problems(planned: _PlannedTrial, variant: Variant, turn: RereadTurn) -> Iterator[str]:
    """The token limit is the task's budget, plus the run's thinking tokens if the model may think."""
    limit = (turn.request or {}).get(max_tokens_field(planned.kind, planned.model))
    budget = compute_max_tokens(variant.task, planned.thinking_tokens)
    if limit != budget:
        yield f"the request allows {limit} output tokens, the task's budget is {budget}"


def _digest_of(planned: _PlannedTrial, messages: Messages) -> str:
    return sha256_of(to_json(planned.api.write_conversation(messages)))


def _expected_messages(planned: _PlannedTrial, variant: Variant, turns: Sequence[RereadTurn]) -> Iterator[Messages]:
    """The messages of each turn's request, which are found when they are needed."""
    if planned.tool_loop:
        return _messages_of_tool_loop(planned, variant, turns)
    if planned.separate_turns:
        return _messages_of_separate_turns(planned, variant, len(turns))
    return _messages_of_conversation(planned, variant, turns)


def _messages_of_tool_loop(planned: _PlannedTrial, variant: Variant, turns: Sequence[RereadTurn]) -> Iterator[Messages]:
    messages: Messages = [*opening_messages(variant, planned.nonce), _user(variant.turns[0], planned.nonce)]
    workspace = workspace_of(variant)
    yield list(messages)
    for reply, following in zip(_replies(turns), turns[1:], strict=False):
        # The next request repeats all answers: those that it has no room for need not be found.
        answers, workspace = tool_messages(reply.tool_calls, workspace, following.conversation_chars)
        messages += [_assistant(reply), *answers]
        yield list(messages)


def _messages_of_separate_turns(planned: _PlannedTrial, variant: Variant, count: int) -> Iterator[Messages]:
    for number in range(count):
        text, nonce = variant.turns[0 if planned.concurrent else number], turn_nonce(planned.nonce, number)
        yield [*opening_messages(variant, nonce), _user(text, nonce)]


def _messages_of_conversation(
    planned: _PlannedTrial, variant: Variant, turns: Sequence[RereadTurn]
) -> Iterator[Messages]:
    messages: Messages = list(opening_messages(variant, planned.nonce))
    for text, reply in zip(variant.turns, _replies(turns), strict=False):
        messages.append(_user(text, planned.nonce))
        yield list(messages)
        messages.append(_assistant(reply))


def _replies(turns: Sequence[RereadTurn]) -> list[TurnResult]:
    """The recorded replies; the line of an agent's work, which no honest trial of such a task has, is none."""
    return [reply for turn in turns if turn.trial is not None for reply in turn.trial.turns]


def _user(text: str, nonce: str) -> Mapping[str, Json]:
    return {"role": "user", "content": text.replace(NONCE_PLACEHOLDER, nonce)}


def _assistant(turn: TurnResult) -> Mapping[str, Json]:
    """A reply as the next request repeats it."""
    message = {"role": "assistant", "content": turn.content}
    return {**message, "tool_calls": assistant_tool_calls(turn.tool_calls)} if turn.tool_calls else message
