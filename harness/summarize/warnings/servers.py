"""What a reader must know of the servers and of what the run did to the machine for their sake."""

from __future__ import annotations

from collections.abc import Iterator

from harness.files import to_json
from harness.types import IGNORED_BY_SERVER, LEFT_TO_SERVER, LONG_PROMPT, Caveat, Json, ModelInfo, ProbeFinding, Result

GPU_BUSY_PERCENT = 25


def gpu_in_use(result: Result) -> Iterator[Caveat]:
    """Whoever else uses the graphics processor takes a share of every speed."""
    host = result.host
    busy = host.gpu_utilization_percent is not None and host.gpu_utilization_percent >= GPU_BUSY_PERCENT
    if busy or host.gpu_processes:
        users = f" by {host.gpu_processes} programs" if host.gpu_processes else ""
        share = f" ({host.gpu_utilization_percent} % busy)" if host.gpu_utilization_percent is not None else ""
        yield Caveat("gpu_in_use", f"the graphics processor was in use{users} before the run asked anything{share}")
    for model in result.models:
        share_percent = model.memory.gpu_utilization_percent
        if share_percent is not None and share_percent >= GPU_BUSY_PERCENT:
            text = f"{model.label}: the graphics processor was {share_percent} % busy before it was loaded"
            yield Caveat("gpu_in_use", text, model.label)


def _cost(model: ModelInfo) -> str:
    names = ", ".join(sorted(one.task for one in model.skipped))
    return f"; it cost {names}" if names else ""


def context_lowered(result: Result) -> Iterator[Caveat]:
    """A setting that gives a model less room than it could have, and what that cost."""
    for model in result.models:
        served, own = model.served_context_tokens, model.own_context_tokens
        # Several servers do not tell what the model could have: then only what it cost shows that it matters.
        if served is None or (own is None and not model.skipped) or (own is not None and served >= own):
            continue
        setting = f" ({model.context_setting})" if model.context_setting else ""
        could = f"the model could have {own}" if own is not None else "what the model could have it does not tell"
        text = f"{model.label}: its server gives {served} tokens of context{setting}, {could}"
        yield Caveat("context_lowered", text + _cost(model), model.label)


def _word(value: Json) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "nothing"
    return value if isinstance(value, str) else to_json(value)


def _difference(one: ProbeFinding) -> str:
    return f"{one.name} {_word(one.live)}, stated {_word(one.stated)}"


def server_differs(result: Result) -> Iterator[Caveat]:
    """A server that does not do what is known of its kind; the live answer is the one that counts."""
    for model in result.models:
        found = [_difference(one) for one in model.live if one.agrees is False and one.name != LONG_PROMPT]
        if found:
            text = f"{model.label}: its server does not do what is stated of {model.server}: {'; '.join(found)}"
            yield Caveat("server_differs", text, model.label)


def settings_lost(result: Result) -> Iterator[Caveat]:
    """What was to be the same for every model and is its server's own."""
    texts = {
        LEFT_TO_SERVER: "not sent, so that its server's own values hold, which differ between servers",
        IGNORED_BY_SERVER: "sent, and servers of its kind are known to ignore that",
    }
    for model in result.models:
        for one in model.live:
            if one.name in texts and one.live:
                yield Caveat(one.name, f"{model.label}: {_word(one.live)}: {texts[one.name]}", model.label)


def loaded_in_request(result: Result) -> Iterator[Caveat]:
    """A proxy that loads a model while a request waits makes a wait of the load."""
    for model in result.models:
        places = [one.live for one in model.live if one.name == "early_events" and isinstance(one.live, list)]
        if any("fake_reasoning" in live for live in places):
            text = (
                f"{model.label}: a proxy loaded the model while a request waited, and said so in a made-up thought: "
                "the load is in that reply's TTFT"
            )
            yield Caveat("loaded_in_request", text, model.label)


def long_prompt(result: Result) -> Iterator[Caveat]:
    """A server that did not take a prompt as long as the run's longest whole, before the first trial."""
    for model in result.models:
        for one in model.live:
            if one.name == LONG_PROMPT and one.agrees is False:
                text = (
                    f"{model.label}: before the run a prompt as long as the longest was {_word(one.live)}: {one.note}"
                )
                yield Caveat("long_prompt", text + _cost(model), model.label)


def put_back(result: Result) -> Iterator[Caveat]:
    """What the run stopped on this machine, and started again."""
    names = [change.service for change in result.run.changes if change.restored]
    if names:
        yield Caveat("put_back", f"stopped for the run and running again: {', '.join(dict.fromkeys(names))}")
