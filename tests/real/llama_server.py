"""Serve a GGUF with the llama.cpp server of the xllamacpp wheel: llama_server.py MODEL.gguf PORT [CONTEXT]."""

from __future__ import annotations

import signal
import sys
import threading

import xllamacpp


def main() -> None:
    """Serve until SIGTERM."""
    path, port, context = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 40_960
    wanted = xllamacpp.CommonParams()
    wanted.model.path = path
    wanted.hostnames = ["127.0.0.1"]
    wanted.port = port
    wanted.n_ctx = context
    wanted.n_parallel = 1
    wanted.use_jinja = True
    wanted.endpoint_metrics = True
    wanted.endpoint_slots = True
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    server = xllamacpp.Server(wanted)
    print(server.listening_address, flush=True)
    ended.wait()


if __name__ == "__main__":
    main()
