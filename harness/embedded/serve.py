"""Serves a GGUF file with llama.cpp's server: `python -m harness.embedded.serve MODEL --port N`.

MODEL is the name of an embedded model, or the path of a file of your own. The server is that of the wheel xllamacpp; it
answers on 127.0.0.1 until SIGTERM.
"""

from __future__ import annotations

import argparse
import signal
import threading
from pathlib import Path

import xllamacpp

from harness.embedded.cache import find_file
from harness.embedded.catalog import load_catalog

PLAIN_TEMPLATE = "{% for message in messages %}{{ message.content }}\n\n{% endfor %}"
"""For a base model: it continues the text of the messages. llama.cpp would use ChatML, which it has never seen."""
FLASH_ATTENTION = {
    "auto": xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_AUTO,
    "on": xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_ENABLED,
    "off": xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED,
}
CACHE_TYPES = {"f16": xllamacpp.ggml_type.GGML_TYPE_F16, "q8_0": xllamacpp.ggml_type.GGML_TYPE_Q8_0}


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """The model, its port, and the settings of llama-server that change speed or memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="an embedded model, or a GGUF file")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--context", type=int, default=16384, help="tokens of each slot")
    parser.add_argument("--slots", type=int, default=1, help="requests that are answered at the same time")
    parser.add_argument("--threads", type=int, default=-1, help="default: llama.cpp's choice")
    parser.add_argument("--flash-attention", choices=tuple(FLASH_ATTENTION), default="auto")
    parser.add_argument("--cache-type", choices=tuple(CACHE_TYPES), default="f16", help="of keys and values")
    return parser.parse_args(arguments)


def build_params(args: argparse.Namespace) -> xllamacpp.CommonParams:
    """llama-server's parameters. The wheel's version is the tag of the model: `build_info` does not know it."""
    params = xllamacpp.CommonParams()
    embedded = next((model for model in load_catalog() if model.name == args.model), None)
    path = Path(args.model) if embedded is None else find_file(embedded)
    if path is None or not path.is_file():
        raise SystemExit(f"{args.model}: its file is not on this machine")
    params.model.path = str(path)
    params.model_alias = {path.stem if embedded is None else embedded.name}
    params.model_tags = {xllamacpp.__version__}
    params.hostnames = ["127.0.0.1"]
    params.port = args.port
    params.n_ctx = args.context * args.slots
    params.n_parallel = args.slots
    params.cpuparams.n_threads = args.threads
    params.flash_attn_type = FLASH_ATTENTION[args.flash_attention]
    params.cache_type_k = params.cache_type_v = CACHE_TYPES[args.cache_type]
    params.use_jinja = True
    params.ui = False
    # Prompts of the past in main memory, 8 GB of them by default: a machine that small models are for may swap.
    params.cache_ram_mib = 0
    if embedded is not None and embedded.template == "plain":
        params.chat_template = PLAIN_TEMPLATE
    return params


def main() -> None:
    """Serve until SIGTERM."""
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    server = xllamacpp.Server(build_params(parse_arguments()))
    print(f"xllamacpp {xllamacpp.__version__} at {server.listening_address}", flush=True)  # noqa: T201 - the log's line
    ended.wait()


if __name__ == "__main__":
    main()
