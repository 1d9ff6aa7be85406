"""A fake llama-server in router mode that answers with the captured replies of a real one."""

import json
import threading
import time
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path

from harness.types import Json
from tests.fake_server import Route

CAPTURED: Mapping[str, Json] = json.loads(
    (Path(__file__).parent / "data" / "servers" / "llama-router.json").read_text(encoding="utf-8")
)["replies"]
LISTED = {
    "unloaded": "nothing loaded",
    "loading": "right after the load",
    "loaded": "once loaded",
    "failed": "once that failed",
}


def captured(name: str) -> tuple[int, Json]:
    """Status and body of a reply of the real router."""
    return CAPTURED[name]["status"], deepcopy(CAPTURED[name]["body"])


def captured_row(state: str) -> Json:
    """The row of a model in a state, as the real router lists it."""
    wanted = "broken" if state == "failed" else "tiny-a"
    return next(row for row in captured(LISTED[state])[1]["data"] if row["id"] == wanted)


class Router:
    """Models that load and unload a moment after the request, as in the real router; `log` is what happened."""

    def __init__(self, *names: str, loads_s: float = 0.3, unloads_s: float = 0.3, damaged: str = "") -> None:
        self.states = dict.fromkeys(names, "unloaded")
        self.log: list[str] = []
        self._loads_s, self._unloads_s, self._damaged = loads_s, unloads_s, damaged

    @property
    def loaded(self) -> set[str]:
        """What is in memory now."""
        return {name for name, state in self.states.items() if state in ("loading", "loaded")}

    def _later(self, wait_s: float, name: str, state: str) -> None:
        def change() -> None:
            time.sleep(wait_s)
            self.states[name] = state
            self.log.append(f"{name} {state}")

        threading.Thread(target=change, daemon=True).start()

    def _list(self, _: Json) -> tuple[int, Json]:
        rows = [{**captured_row(state), "id": name} for name, state in self.states.items()]
        return 200, {"data": rows, "object": "list"}

    def _load(self, body: Json) -> tuple[int, Json]:
        name = (body or {}).get("model")
        if name not in self.states:
            return captured("load of an unknown model")
        if name in self.loaded:
            return captured("load again")
        self.log.append(f"load {name} beside {sorted(self.loaded)}")
        self.states[name] = "loading"
        self._later(self._loads_s, name, "failed" if name == self._damaged else "loaded")
        return captured("load")

    def _unload(self, body: Json) -> tuple[int, Json]:
        name = (body or {}).get("model")
        if name not in self.loaded:
            return captured("unload again")
        self.log.append(f"unload {name}")
        self._later(self._unloads_s, name, "unloaded")
        return captured("unload")

    def _chat(self, body: Json) -> tuple[int, Json]:
        if self.states.get(str((body or {}).get("model"))) != "loaded":
            return captured("a chat with a model that is not loaded")
        return 200, {"choices": [{"message": {"content": "yes"}, "finish_reason": "length"}]}

    def routes(self) -> dict[str, Route]:
        """For `serve_fake`."""
        return {
            "GET /models": self._list,
            "GET /v1/models": self._list,
            "GET /props": lambda _: captured("the router itself"),
            "GET /health": lambda _: captured("health with nothing loaded"),
            "POST /models/load": self._load,
            "POST /models/unload": self._unload,
            "POST /v1/chat/completions": self._chat,
        }
