"""The APIs over which a model is asked, one module each: how a request is written and how each event is read.

`APIS` is the table, `get_api` finds an API by its name in bench.toml, `find_api` by the URL of a recorded request. To
add an API, write its module and its row.
"""

from collections.abc import Mapping

from harness.apis.api import Api, EventParser, PromptPart
from harness.apis.chat import REASONING_KEYS, ChatApi
from harness.apis.delta import Delta, EventKind, ReportedError, ToolCallDelta, extract_text
from harness.apis.json_text import parse_object, to_text
from harness.apis.messages import MessagesApi
from harness.apis.reported_errors import error_from_body, find_error
from harness.apis.request_parts import RequestPart, prompt_options
from harness.apis.responses import ResponsesApi
from harness.apis.usage import find_count, parse_server_timings

__all__ = [
    "APIS",
    "DEFAULT_API",
    "REASONING_KEYS",
    "Api",
    "Delta",
    "EventKind",
    "EventParser",
    "PromptPart",
    "ReportedError",
    "RequestPart",
    "ToolCallDelta",
    "error_from_body",
    "extract_text",
    "find_api",
    "find_count",
    "find_error",
    "get_api",
    "parse_object",
    "parse_server_timings",
    "prompt_options",
    "to_text",
]

DEFAULT_API = ChatApi.name
APIS: Mapping[str, Api] = {api.name: api for api in (ChatApi(), ResponsesApi(), MessagesApi())}


def get_api(name: str) -> Api:
    """The API of that name. Raises KeyError; a configuration and a result are validated before."""
    return APIS[name]


def find_api(url: str) -> Api:
    """The API that a request to this URL speaks; chat if the path is that of none."""
    path = url.partition("?")[0].rstrip("/")
    return next((api for api in APIS.values() if path.endswith(api.path)), APIS[DEFAULT_API])
