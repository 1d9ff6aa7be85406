"""A relay between the kit and the engine, over a local socket, TCP or TLS, that can be cut and mended."""

import contextlib
import socket
import ssl
import threading
from pathlib import Path
from types import TracebackType
from typing import Self


class Relay:
    """Passes bytes between its own socket and the engine's; while it is cut, it closes every connection at once."""

    def __init__(self, engine: str, folder: Path | None = None, context: ssl.SSLContext | None = None) -> None:
        """Listen on a socket in the folder, or on a port of this machine, with TLS where there is a context."""
        self._engine, self._context = engine.removeprefix("unix://"), context
        self._open: list[socket.socket] = []
        self._is_cut = False
        if folder is None:
            self._listener = socket.create_server(("127.0.0.1", 0))
            self.url = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        else:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(str(folder / "relay.sock"))
            self._listener.listen(64)
            self.url = f"unix://{folder}/relay.sock"
        self._accepting = threading.Thread(target=self._accept)

    def __enter__(self) -> Self:
        self._accepting.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.cut()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listener.close()

    def cut(self) -> None:
        """Close every connection, and each new one until `mend`."""
        self._is_cut = True
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def mend(self) -> None:
        """Relay new connections again."""
        self._is_cut = False

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self._is_cut:
                    client.close()
                    continue
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        if self._context is not None:
            try:
                client = self._context.wrap_socket(client, server_side=True)
            except OSError:
                client.close()
                return
        engine = socket.socket(socket.AF_UNIX)
        engine.connect(self._engine)
        self._open += [client, engine]
        threading.Thread(target=self._copy, args=(client, engine), daemon=True).start()
        self._copy(engine, client)

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        with source, target, contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_RDWR)
