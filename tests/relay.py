"""A socket between the kit and the engine, local or of TCP or TLS, that can be cut in the middle and mended again."""

import contextlib
import socket
import ssl
import threading
from pathlib import Path
from types import TracebackType
from typing import Self


class Relay:
    """Passes bytes on between a socket of its own and the engine's; while it is cut, it hangs up on whoever calls."""

    def __init__(self, engine: str, folder: Path | None = None, context: ssl.SSLContext | None = None) -> None:
        """Its socket stands in the folder, or is a port of this machine; behind a port a context makes TLS of it."""
        self._engine, self._context = engine.removeprefix("unix://"), context
        self._open: list[socket.socket] = []
        self._is_cut = False
        if folder is None:
            self._door = socket.create_server(("127.0.0.1", 0))
            self.url = f"tcp://127.0.0.1:{self._door.getsockname()[1]}"
        else:
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
                threading.Thread(target=self._lead_in, args=(near,), daemon=True).start()

    def _lead_in(self, near: socket.socket) -> None:
        if self._context is not None:
            try:
                near = self._context.wrap_socket(near, server_side=True)
            except OSError:
                near.close()
                return
        far = socket.socket(socket.AF_UNIX)
        far.connect(self._engine)
        self._open += [near, far]
        threading.Thread(target=self._pass_on, args=(near, far), daemon=True).start()
        self._pass_on(far, near)

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with source, target, contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_RDWR)
