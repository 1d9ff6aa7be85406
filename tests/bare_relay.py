"""Passes bytes on and does nothing else: `python -m tests.bare_relay PORT TARGET_PORT`, both on the loopback interface.

tests/bench_proxy.py measures the proxy beside it. What this relay adds is what being a process between two others
costs on a machine, in Python; what the proxy adds beyond that is what reading and recording costs.
"""

from __future__ import annotations

import socket
import sys
import threading
from contextlib import suppress

_READ_BYTES = 65_536


def pass_on(source: socket.socket, target: socket.socket) -> None:
    """Pass on until the source closes: one thread waits in recv() for one direction of one connection."""
    receive, send = source.recv, target.sendall
    with suppress(OSError):
        while data := receive(_READ_BYTES):
            send(data)
        target.shutdown(socket.SHUT_WR)


def serve(client: socket.socket, target_port: int) -> None:
    """Connect a client to the target."""
    with client, socket.create_connection(("127.0.0.1", target_port)) as target:
        for side in (client, target):
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=pass_on, args=(client, target), daemon=True).start()
        pass_on(target, client)


def main(port: int, target_port: int) -> None:
    """Listen until the process is ended; a line on standard error says that it listens."""
    with socket.create_server(("127.0.0.1", port)) as listener:
        print("ready", file=sys.stderr, flush=True)
        while True:
            client, _ = listener.accept()
            threading.Thread(target=serve, args=(client, target_port), daemon=True).start()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
