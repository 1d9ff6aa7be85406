"""A socket between the kit and the engine that can be cut in the middle and mended again."""

import contextlib
import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Self


class Relay:
    """Passes bytes on between a socket of its own and the engine's; while it is cut, it hangs up on whoever calls."""

    def __init__(self, engine: str, folder: Path) -> None:
        self._engine = engine.removeprefix("unix://")
        self._open: list[socket.socket] = []
        self._is_cut = False
        self._door = socket.socket(socket.AF_UNIX)
        self._door.bind(str(folder / "relay.sock"))
        self._door.listen(64)
        self.url = f"unix://{folder}/relay.sock"
        self._porter = threading.Thread(target=self._welcome)

    def __enter__(self) -> Self:
        self._porter.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.cut()
        self._door.shutdown(socket.SHUT_RDWR)
        self._porter.join()
        self._door.close()

    def cut(self) -> None:
        self._is_cut = True
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def mend(self) -> None:
        self._is_cut = False

    def _welcome(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._door.accept()
                if self._is_cut:
                    near.close()
                    continue
                far = socket.socket(socket.AF_UNIX)
                far.connect(self._engine)
                self._open += [near, far]
                threading.Thread(target=self._pass_on, args=(near, far), daemon=True).start()
                threading.Thread(target=self._pass_on, args=(far, near), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with source, target, contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_RDWR)
