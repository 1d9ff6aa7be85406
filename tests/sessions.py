"""Sessions of agents that never ran: a generator over three APIs, with a server whose prefix cache is known exactly.

A conversation is a list of messages in the form of chat, with `thinking`; `PretendServer` writes it into a prompt by a
template of its own, counts words as tokens and knows what its cache holds. Times follow from the tokens.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from harness.session import SessionRequest, SourceRecording, requests_of
from harness.types import Chunk, EndReason, Json, Recording, TrialKey

RATE_TPS = 2000.0
OVERHEAD_S = 0.05
TOKEN = re.compile(r"\w{1,5}|\s|[^\w\s]")
BASE_NS = 5_000_000_000_000
BASE_AT = datetime(2026, 11, 27, 5, tzinfo=UTC)
Conversation = list[dict[str, Json]]
PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "messages": "/v1/messages"}


def prose(seed: int, words: int) -> str:
    """Text of so many words, different for each seed."""
    return " ".join(f"w{(seed * 7919 + at * 104729) % 99991}" for at in range(words))


def tool(name: str, words: int = 60) -> Json:
    function = {"name": name, "description": f"{name} {prose(len(name), words)}", "parameters": {"type": "object"}}
    return {"type": "function", "function": function}


@dataclass
class Ask:
    """What is asked: `lists` writes the contents of user messages as lists, `split_system` the system as two texts."""

    conversation: Conversation
    tools: list[Json] = field(default_factory=lambda: [tool("Bash"), tool("Read"), tool("Edit"), tool("Grep")])
    options: dict[str, Json] = field(default_factory=dict)
    lists: bool = False


def render(ask: Ask, *, joins_lists_with: str = "", writes_thoughts: bool = True, writes_ids: bool = False) -> str:
    """The prompt; a server that joins the texts of lists otherwise writes a string and a list differently."""
    separator = joins_lists_with if ask.lists else ""
    head = "no_think " if ask.options.get("chat_template_kwargs") == {"enable_thinking": False} else ""
    texts = [message["content"] for message in ask.conversation if message["role"] == "system"]
    parts = [head, *texts, *(json.dumps(each) for each in ask.tools)]
    for message in ask.conversation:
        if message["role"] != "system":
            calls = "".join(
                f"<call>{call_id if writes_ids else ''}{name} {arguments}"
                for call_id, name, arguments in message.get("calls", ())
            )
            is_thought = writes_thoughts and message.get("thinking")
            thought = f"<think>{message['thinking']}</think>" if is_thought else ""
            mark = separator if message["role"] == "user" else ""
            mark += message.get("call_id", "") if writes_ids else ""
            parts.append(f"<{message['role']}>{thought}{mark}{message['content']}{calls}</end>")
    return "\n".join(parts)


def tokens_of(text: str) -> list[str]:
    return TOKEN.findall(text)


def shared(old: Sequence[str], new: Sequence[str]) -> int:
    return next((at for at, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))


# --- how each API writes a conversation -------------------------------------------------------------------------------


def write_chat(ask: Ask) -> dict[str, Json]:
    messages: list[Json] = []
    for message in ask.conversation:
        written: dict[str, Json] = {"role": message["role"], "content": _content(message, ask, "text")}
        if message.get("thinking"):
            written["reasoning_content"] = message["thinking"]
        if message.get("calls"):
            written["tool_calls"] = [
                {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
                for call_id, name, arguments in message["calls"]
            ]
        if message["role"] == "tool":
            written["tool_call_id"] = message["call_id"]
        messages.append(written)
    return {"messages": messages, "tools": ask.tools}


def write_responses(ask: Ask) -> dict[str, Json]:
    items: list[Json] = []
    for message in ask.conversation:
        if message["role"] == "system":
            continue
        if message["role"] == "tool":
            items.append({"type": "function_call_output", "call_id": message["call_id"], "output": message["content"]})
            continue
        if message.get("thinking"):
            content = [{"type": "reasoning_text", "text": message["thinking"]}]
            items.append({"type": "reasoning", "summary": [], "content": content})
        if message["content"]:
            kind = "output_text" if message["role"] == "assistant" else "input_text"
            items.append({"type": "message", "role": message["role"], "content": _content(message, ask, kind)})
        items += [
            {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}
            for call_id, name, arguments in message.get("calls", ())
        ]
    system = "".join(message["content"] for message in ask.conversation if message["role"] == "system")
    tools = [{"type": "function", **each["function"]} for each in ask.tools]
    return {"instructions": system, "input": items, "tools": tools}


def write_messages(ask: Ask) -> dict[str, Json]:
    messages: list[Json] = []
    for message in ask.conversation:
        if message["role"] == "system":
            continue
        if message["role"] == "tool":
            block = {"type": "tool_result", "tool_use_id": message["call_id"], "content": message["content"]}
            messages.append({"role": "user", "content": [block]})
            continue
        if message["role"] == "user":
            messages.append({"role": "user", "content": _content(message, ask, "text")})
            continue
        blocks: list[Json] = []
        if message.get("thinking"):
            blocks.append({"type": "thinking", "thinking": message["thinking"], "signature": "x"})
        if message["content"]:
            blocks.append({"type": "text", "text": message["content"]})
        for call_id, name, arguments in message.get("calls", ()):
            blocks.append({"type": "tool_use", "id": call_id, "name": name, "input": json.loads(arguments)})
        messages.append({"role": "assistant", "content": blocks})
    system = [
        {"type": "text", "text": message["content"]} for message in ask.conversation if message["role"] == "system"
    ]
    system[-1]["cache_control"] = {"type": "ephemeral"}
    tools = [
        {"name": each["function"]["name"], "description": each["function"]["description"], "input_schema": {}}
        for each in ask.tools
    ]
    return {"system": system, "messages": messages, "tools": tools}


def _content(message: Mapping[str, Json], ask: Ask, kind: str) -> Json:
    if message["role"] == "user" and ask.lists:
        return [{"type": kind, "text": message["content"]}]
    return message["content"]


WRITERS: dict[str, Callable[[Ask], dict[str, Json]]] = {
    "chat": write_chat,
    "responses": write_responses,
    "messages": write_messages,
}


# --- how each API streams a reply -------------------------------------------------------------------------------------


@dataclass
class Reply:
    text: str
    calls: tuple[tuple[str, str, str], ...] = ()


def event(document: Json) -> bytes:
    name = f"event: {document['type']}\n" if "type" in document else ""
    return f"{name}data: {json.dumps(document)}\n\n".encode()


def stream_chat(reply: Reply, prompt: int, cached: int | None, output: int) -> list[bytes]:
    calls = [
        {"index": at, "id": call_id, "function": {"name": name, "arguments": arguments}}
        for at, (call_id, name, arguments) in enumerate(reply.calls)
    ]
    usage: dict[str, Json] = {"prompt_tokens": prompt, "completion_tokens": output}
    if cached is not None:
        usage["prompt_tokens_details"] = {"cached_tokens": cached}
    deltas: list[Json] = [{"content": reply.text}] if reply.text else []
    deltas += [{"tool_calls": calls}] if calls else []
    events = [event({"choices": [{"index": 0, "delta": delta}]}) for delta in deltas]
    return [*events, event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": usage})]


def stream_responses(reply: Reply, prompt: int, cached: int | None, output: int) -> list[bytes]:
    events: list[bytes] = []
    if reply.text:
        events.append(event({"type": "response.output_text.delta", "item_id": "m", "delta": reply.text}))
    for call_id, name, arguments in reply.calls:
        item = {"type": "function_call", "id": call_id, "call_id": call_id, "name": name, "arguments": arguments}
        events.append(event({"type": "response.output_item.done", "item": item}))
    usage: dict[str, Json] = {"input_tokens": prompt, "output_tokens": output}
    if cached is not None:
        usage["input_tokens_details"] = {"cached_tokens": cached}
    response = {"status": "completed", "output": [], "usage": usage}
    return [*events, event({"type": "response.completed", "response": response})]


def stream_messages(reply: Reply, prompt: int, cached: int | None, output: int) -> list[bytes]:
    usage: Json = {"input_tokens": prompt - (cached or 0)}
    if cached is not None:
        usage["cache_read_input_tokens"] = cached
    events = [event({"type": "message_start", "message": {"role": "assistant", "usage": usage}})]
    blocks: list[tuple[Json, Json]]
    blocks = [({"type": "text", "text": ""}, {"type": "text_delta", "text": reply.text})] if reply.text else []
    blocks += [
        (
            {"type": "tool_use", "id": call_id, "name": name, "input": {}},
            {"type": "input_json_delta", "partial_json": arguments},
        )
        for call_id, name, arguments in reply.calls
    ]
    for at, (block, delta) in enumerate(blocks):
        events.append(
            event({"type": "content_block_start", "index": at, "content_block": block})
            + event({"type": "content_block_delta", "index": at, "delta": delta})
            + event({"type": "content_block_stop", "index": at})
        )
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": output}}
    # message_start comes with the first token, as llama.cpp's does.
    return [b"".join(events[:2]), *events[2:], event(end) + event({"type": "message_stop"})]


STREAMS: dict[str, Callable[[Reply, int, int | None, int], list[bytes]]] = {
    "chat": stream_chat,
    "responses": stream_responses,
    "messages": stream_messages,
}


# --- the server -------------------------------------------------------------------------------------------------------


@dataclass
class PretendServer:
    """Answers each ask at once and keeps the recordings; `slots` prompts are cached, in whole blocks of `block`.

    `states_zero`: it states that nothing was cached, whatever was. `load_s` is how long the first request waits for the
    model.
    """

    api: str
    slots: int = 1000
    block: int = 1
    is_caching: bool = True
    states_cached: bool = True
    states_zero: bool = False
    load_s: float = 0.0
    joins_lists_with: str = ""
    writes_thoughts: bool = True
    writes_ids: bool = False
    rereads_after_calls: bool = False
    model: str = "m"
    rate_tps: float = RATE_TPS
    address: str = "http://127.0.0.1:8080"
    now_s: float = 0.0
    cache: list[list[str]] = field(default_factory=list)
    sources: list[SourceRecording] = field(default_factory=list)
    cached: list[int] = field(default_factory=list)

    def ask(self, ask: Ask, reply: Reply, *, at_s: float | None = None, gap_s: float = 1.5) -> None:
        """Answer; without a time it is sent some seconds after the last reply."""
        tokens = tokens_of(self.render(ask))
        cached = self._find(tokens, ask)
        start_s = self.now_s + gap_s if at_s is None else at_s
        first_s = OVERHEAD_S + (len(tokens) - cached) / self.rate_tps + (0.0 if self.sources else self.load_s)
        output = max(2, len(tokens_of(reply.text)) + 20 * len(reply.calls))
        body = {"model": self.model, "stream": True, **WRITERS[self.api](ask), **ask.options}
        stated = 0 if self.states_zero else cached if self.states_cached else None
        pieces = STREAMS[self.api](reply, len(tokens), stated, output)
        chunks = [
            Chunk(int((first_s + at * output / 50 / len(pieces)) * 1e9), piece) for at, piece in enumerate(pieces)
        ]
        self._add(body, start_s, tuple(chunks), 200, "complete")
        self.cached.append(cached)
        self.cache = [*(old for old in self.cache if shared(old, tokens) < len(old)), tokens][-self.slots :]
        self.now_s = start_s + chunks[-1].at_ns / 1e9

    def render(self, ask: Ask) -> str:
        """The prompt that it reads."""
        return render(
            ask,
            joins_lists_with=self.joins_lists_with,
            writes_thoughts=self.writes_thoughts,
            writes_ids=self.writes_ids,
        )

    def fail(self, ask: Ask) -> None:
        """The server is down; what it had in its cache is lost."""
        body = {"model": self.model, "stream": True, **WRITERS[self.api](ask)}
        self._add(body, self.now_s + 1, (), None, "connect_failed")
        self.now_s += 1
        self.cache = []

    def cancel(self, ask: Ask, after_s: float, *, gap_s: float = 1.0) -> None:
        """The client takes a request back while the server reads it; it takes the place of another prompt."""
        body = {"model": self.model, "stream": True, **WRITERS[self.api](ask)}
        self._add(body, self.now_s + gap_s, (), None, "reset")
        source = self.sources[-1]
        self.sources[-1] = replace(source, recording=replace(source.recording, ended_ns=int(after_s * 1e9)))
        self.cache = [*self.cache, tokens_of(self.render(ask))][-self.slots :]
        self.now_s += gap_s + after_s

    def _find(self, tokens: list[str], ask: Ask) -> int:
        if not self.is_caching or (self.rereads_after_calls and ask.conversation[-1]["role"] == "tool"):
            return 0
        found = max((shared(old, tokens) for old in self.cache), default=0)
        return min(found, len(tokens) - 1) // self.block * self.block

    def _add(
        self, body: dict[str, Json], start_s: float, chunks: tuple[Chunk, ...], status: int | None, end: EndReason
    ) -> None:
        recording = Recording(
            key=TrialKey("proxy", "session", len(self.sources)),
            turn=0,
            variant=0,
            sent_at=(BASE_AT + timedelta(seconds=start_s)).isoformat(timespec="milliseconds"),
            sent_ns=BASE_NS + int(start_s * 1e9),
            url=f"{self.address}{PATHS[self.api]}",
            request=body,
            status=status,
            headers={"content-type": "text/event-stream"},
            headers_ns=1000,
            chunks=chunks,
            end_reason=end,
            ended_ns=chunks[-1].at_ns if chunks else 1000,
        )
        self.sources.append(SourceRecording(recording, "claude-cli/2.1.36"))

    def requests(self) -> tuple[SessionRequest, ...]:
        return requests_of(self.sources)


def merged(*servers: PretendServer) -> tuple[SessionRequest, ...]:
    """The requests of one session to several servers or models."""
    sources = [source for server in servers for source in server.sources]
    return requests_of(sorted(sources, key=lambda source: source.recording.sent_ns or 0))


def in_turns(servers: Sequence[PretendServer], turns: int) -> None:
    """Tool loops with several servers, which answer one after the other."""
    conversations = [opening(1 + 60 * at) for at in range(len(servers))]
    now_s = 0.0
    for number in range(turns):
        for at, server in enumerate(servers):
            reply, following = turn(conversations[at], number)
            server.ask(Ask(conversations[at]), reply, at_s=now_s + 1.5)
            conversations[at], now_s = following, server.now_s


# --- conversations ----------------------------------------------------------------------------------------------------


def opening(seed: int = 1, task: str = "Fix the failing test.") -> Conversation:
    """System text and task of an agent."""
    system = f"You are an agent. {prose(seed, 300)} The date is 2026-11-27 05:00:00. {prose(seed + 1, 200)}"
    header = "x-anthropic-billing-header: cc_version=2.1.36.1a2; cc_entrypoint=cli;\n"
    user = f"<env>On branch main</env> {task} {prose(seed + 2, 80)}"
    return [
        {"role": "system", "content": header},
        {"role": "system", "content": system},
        {"role": "user", "content": user},
    ]


def turn(conversation: Conversation, number: int, words: int = 150) -> tuple[Reply, Conversation]:
    """A reply with a call, and the conversation with it and its result."""
    call = (f"call_{number}", "Bash", json.dumps({"command": f"run {number}"}))
    reply = Reply(f"I run step {number}. \n", (call,))
    assistant = {
        "role": "assistant",
        "content": reply.text,
        "thinking": f"Let me see {prose(number + 50, 60)}",
        "calls": (call,),
    }
    result = {"role": "tool", "content": f"exit 0 {prose(number + 90, words)}", "call_id": call[0]}
    return reply, [*conversation, assistant, result]


def loop(server: PretendServer, conversation: Conversation, turns: int, change: Callable[[Ask, int], Ask]) -> list[Ask]:
    """A tool loop; `change` gets each ask with its number before it is sent."""
    asks = []
    for number in range(turns):
        ask = change(Ask(conversation), number)
        reply, conversation = turn(conversation, number)
        server.ask(ask, reply)
        asks.append(ask)
    return asks


def unchanged(ask: Ask, number: int) -> Ask:
    return ask
