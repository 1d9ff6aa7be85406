"""Whether a model thinks where its settings leave that to it: from its chat template, else from one short reply.

`learn_thinking` asks a loaded server; `thinking_allowance` is the output budget for thinking that follows from it. A
model that cannot think needs no budget for it: with one, tasks would be skipped that its context has room for.
"""

from __future__ import annotations

from harness.errors import ServerError
from harness.record import Client
from harness.servers.kinds import ServerKind
from harness.servers.probe import ask_reasoning_question
from harness.servers.query import MaySend, ServerHandle, always, read_property
from harness.types import Model

THINKING_MARKERS = ("think", "reasoning", "<|channel|>")
"""What the chat template of every model that may think contains: a switch, a tag, or the name of a channel."""


def learn_thinking(server: ServerHandle, client: Client, may_send: MaySend = always) -> bool | None:
    """Whether the model thinks; None if its template knows thinking and the reply to a short question has none.

    Where the settings or the server kind decide, only the template is read. None also where `may_send` refuses the
    question. Raises ServerError: no connection.
    """
    template = _read_template(server)
    if template is not None and not any(marker in template for marker in THINKING_MARKERS):
        return False
    if server.model.thinking != "default" or server.kind.thinking.default != "model":
        return None
    if not may_send():
        return None
    reply = ask_reasoning_question(server, client)
    if reply.reading.reasoning.strip():
        return True
    return False if template is None and reply.is_complete else None


def thinking_allowance(model: Model, kind: ServerKind, thinks: bool | None, tokens: int) -> int:
    """How many of `tokens` a scored task's budget grows by: none for one that does not think or has an agent.

    `thinks` is what was learned of a model at its default setting; one of which nothing is known may think.
    """
    if model.agent is not None:
        may_think = False
    elif model.thinking == "default":
        may_think = kind.thinking.default != "off" and thinks is not False
    else:
        may_think = model.thinking == "on"
    return tokens if may_think else 0


def _read_template(server: ServerHandle) -> str | None:
    location = server.kind.thinking.template
    try:
        template = None if location is None else read_property(server, location)
    except ServerError:
        return None
    return template if isinstance(template, str) and template else None
