"""Make a tiny Qwen3-shaped model on the spot: random weights, a tokenizer trained on this checkout, nothing downloaded.

    python make_tiny_model.py OUT [--hidden 64 --layers 2 --vocab 4096 ...]

OUT is a Hugging Face folder (mlx_lm.server, transformers serve); OUT/model.gguf holds the same weights for llama.cpp.
Its answers are gibberish, the same every time: enough for everything but a passing answer.
Needs numpy, tokenizers, safetensors and gguf.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import gguf
import numpy as np
from safetensors.numpy import save_file
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

ROOT = Path(__file__).resolve().parents[2]
PAD, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
CONTROL = (PAD, START, END)
MARKS = ("<think>", "</think>", "<tool_call>", "</tool_call>")
# llama.cpp knows this split of text by the name "qwen2"; both servers must cut a prompt into the same tokens.
SPLIT_NAME = "qwen2"
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# llama.cpp finds out how a model thinks and calls by rendering this, mlx_lm by looking for the words `tool_call.name`:
# without them, and without the line on reasoning_content, calls and thoughts would stay in the text.
TEMPLATE = (
    "{%- for message in messages -%}"
    "{%- if message.role == 'tool' -%}"
    "{{- '<|im_start|>user\n<tool_response>\n' + message.content + '\n</tool_response><|im_end|>\n' -}}"
    "{%- else -%}"
    "{{- '<|im_start|>' + message.role + '\n' -}}"
    "{%- if message.reasoning_content -%}"
    "{{- '<think>\n' + message.reasoning_content + '\n</think>\n\n' -}}"
    "{%- endif -%}"
    "{{- (message.content or '') | trim if message.role == 'assistant' else message.content -}}"
    "{%- if loop.first and tools -%}"
    "{{- '\n\nFunctions that you may call:' -}}"
    "{%- for tool in tools -%}{{- '\n' + tool.function.name + ': ' + tool.function.description -}}{%- endfor -%}"
    '{{- \'\nWrite a call as\n<tool_call>\n{"name": NAME, "arguments": OBJECT}\n</tool_call>\' -}}'
    "{%- endif -%}"
    "{%- for call in message.tool_calls or [] -%}"
    "{%- set tool_call = call.function -%}"
    '{{- \'<tool_call>\n{"name": "\' + tool_call.name + \'", "arguments": \' -}}'
    "{{- (tool_call.arguments if tool_call.arguments is string else tool_call.arguments | tojson) -}}"
    "{{- '}\n</tool_call>' -}}"
    "{%- endfor -%}"
    "{{- '<|im_end|>\n' -}}"
    "{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}"
    "{{- '<|im_start|>assistant\n' -}}"
    "{%- if enable_thinking is defined and not enable_thinking -%}{{- '<think>\n\n</think>\n\n' -}}{%- endif -%}"
    "{%- endif -%}"
)
ROPE_BASE = 10_000.0
NORM_EPSILON = 1e-6


@dataclass(frozen=True)
class Shape:
    """How large the model is; every field is a flag of the command."""

    hidden: int = 64
    layers: int = 2
    heads: int = 2
    kv_heads: int = 1
    head_dim: int = 32
    inner: int = 128
    vocab: int = 4096
    context: int = 40_960
    seed: int = 1

    def tensors(self) -> Iterator[tuple[str, str, tuple[int, ...]]]:
        """Each weight's name in the Hugging Face folder, in the GGUF, and its shape."""
        yield "model.embed_tokens.weight", "token_embd.weight", (self.vocab, self.hidden)
        yield "model.norm.weight", "output_norm.weight", (self.hidden,)
        query, keys = self.heads * self.head_dim, self.kv_heads * self.head_dim
        parts = (
            ("input_layernorm", "attn_norm", (self.hidden,)),
            ("self_attn.q_proj", "attn_q", (query, self.hidden)),
            ("self_attn.k_proj", "attn_k", (keys, self.hidden)),
            ("self_attn.v_proj", "attn_v", (keys, self.hidden)),
            ("self_attn.q_norm", "attn_q_norm", (self.head_dim,)),
            ("self_attn.k_norm", "attn_k_norm", (self.head_dim,)),
            ("self_attn.o_proj", "attn_output", (self.hidden, query)),
            ("post_attention_layernorm", "ffn_norm", (self.hidden,)),
            ("mlp.gate_proj", "ffn_gate", (self.inner, self.hidden)),
            ("mlp.up_proj", "ffn_up", (self.inner, self.hidden)),
            ("mlp.down_proj", "ffn_down", (self.hidden, self.inner)),
        )
        for layer in range(self.layers):
            for folder, file, shape in parts:
                yield f"model.layers.{layer}.{folder}.weight", f"blk.{layer}.{file}.weight", shape


def corpus() -> Iterator[str]:
    """What the tokenizer learns from: the texts that the kit will send, and its own code."""
    for folder, ending in (("fixtures", "*.md"), ("fixtures", "*.py"), ("harness", "*.py"), ("tests", "*.py")):
        for path in sorted((ROOT / folder).rglob(ending)):
            yield path.read_text(encoding="utf-8", errors="replace")


def train_tokenizer(vocab: int, texts: Iterable[str]) -> Tokenizer:
    """A byte-level BPE that both servers read alike."""
    tokenizer = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(SPLIT), behavior="isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab - len(CONTROL) - len(MARKS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in CONTROL])
    tokenizer.add_tokens([AddedToken(text, special=False, normalized=False) for text in MARKS])
    if tokenizer.get_vocab_size() > vocab:
        raise SystemExit(f"the tokenizer has {tokenizer.get_vocab_size()} tokens, more than {vocab}")
    return tokenizer


def random_weights(shape: Shape) -> dict[str, np.ndarray]:
    """Norms of one; matrices scaled so that activations keep their size from layer to layer."""
    generator = np.random.default_rng(shape.seed)
    weights = {}
    for name, _, size in shape.tensors():
        if len(size) == 1:
            weights[name] = np.ones(size, np.float32)
        else:
            weights[name] = (generator.standard_normal(size) / np.sqrt(size[-1])).astype(np.float32)
    return weights


def model_config(shape: Shape, tokenizer: Tokenizer) -> dict[str, object]:
    """config.json of the Hugging Face folder."""
    return {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "hidden_size": shape.hidden,
        "intermediate_size": shape.inner,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.kv_heads,
        "head_dim": shape.head_dim,
        "vocab_size": shape.vocab,
        "max_position_embeddings": shape.context,
        "rms_norm_eps": NORM_EPSILON,
        "rope_theta": ROPE_BASE,
        "rope_parameters": {"rope_type": "default", "rope_theta": ROPE_BASE},
        "hidden_act": "silu",
        "attention_bias": False,
        "tie_word_embeddings": True,
        "use_sliding_window": False,
        "torch_dtype": "float32",
        "eos_token_id": tokenizer.token_to_id(END),
        "pad_token_id": tokenizer.token_to_id(PAD),
    }


def write_folder(out: Path, shape: Shape, tokenizer: Tokenizer, weights: dict[str, np.ndarray]) -> None:
    """The Hugging Face folder."""
    out.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(out / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": END,
        "pad_token": PAD,
        "model_max_length": shape.context,
        "clean_up_tokenization_spaces": False,
        "chat_template": TEMPLATE,
    }
    (out / "tokenizer_config.json").write_text(json.dumps(settings, indent=1))
    (out / "config.json").write_text(json.dumps(model_config(shape, tokenizer), indent=1))
    save_file(weights, str(out / "model.safetensors"), metadata={"format": "pt"})


def _token_list(shape: Shape, tokenizer: Tokenizer) -> tuple[list[str], list[int]]:
    texts = {number: text for text, number in tokenizer.get_vocab(with_added_tokens=True).items()}
    tokens, kinds = [], []
    for number in range(shape.vocab):
        text = texts.get(number)
        kind = gguf.TokenType.NORMAL
        if text is None:
            text, kind = f"[UNUSED{number}]", gguf.TokenType.UNUSED
        elif text in CONTROL:
            kind = gguf.TokenType.CONTROL
        elif text in MARKS:
            kind = gguf.TokenType.USER_DEFINED
        tokens.append(text)
        kinds.append(int(kind))
    return tokens, kinds


def _merges(tokenizer: Tokenizer) -> list[str]:
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    return [merge if isinstance(merge, str) else " ".join(merge) for merge in merges]


def write_gguf(path: Path, shape: Shape, tokenizer: Tokenizer, weights: dict[str, np.ndarray]) -> None:
    """The same model in one file for llama.cpp."""
    writer = gguf.GGUFWriter(str(path), "qwen3")
    writer.add_name("lanebench tiny")
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.hidden)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.inner)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_key_length(shape.head_dim)
    writer.add_value_length(shape.head_dim)
    writer.add_rope_freq_base(ROPE_BASE)
    writer.add_layer_norm_rms_eps(NORM_EPSILON)
    writer.add_vocab_size(shape.vocab)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    tokens, kinds = _token_list(shape, tokenizer)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(SPLIT_NAME)
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(_merges(tokenizer))
    writer.add_eos_token_id(tokenizer.token_to_id(END))
    writer.add_pad_token_id(tokenizer.token_to_id(PAD))
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)
    for name, own_name, _ in shape.tensors():
        writer.add_tensor(own_name, weights[name])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_model(out: Path, shape: Shape, tokenizer: Tokenizer, weights: dict[str, np.ndarray]) -> None:
    """Both forms of one model."""
    write_folder(out, shape, tokenizer, weights)
    write_gguf(out / "model.gguf", shape, tokenizer, weights)


def make(out: Path, shape: Shape) -> None:
    """A model that knows nothing."""
    write_model(out, shape, train_tokenizer(shape.vocab, corpus()), random_weights(shape))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Make a tiny model with random weights.")
    parser.add_argument("out", type=Path)
    for one in fields(Shape):
        parser.add_argument(f"--{one.name.replace('_', '-')}", type=int, default=one.default)
    given = vars(parser.parse_args())
    make(given.pop("out"), Shape(**given))


if __name__ == "__main__":
    main()
