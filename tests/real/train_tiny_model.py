"""Train a tiny model until it knows some of the kit's tasks by heart, thinking and not: minutes on two processors.

    python train_tiny_model.py OUT --seed 7 --trials 1 --task code-bugfix --task code-tooluse ...

It knows the requests of a run with that seed, word for word, and nothing else; it must be asked greedily. OUT is as
make_tiny_model.py leaves it. Needs torch beside what that needs.
"""

from __future__ import annotations

import argparse
import math
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
import torch
from lessons import Lesson, lessons_of
from make_tiny_model import NORM_EPSILON, ROPE_BASE, TEMPLATE, Shape, corpus, train_tokenizer, write_model
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from harness.tasks import find_fixtures, load_tasks

THOUGHT = "I look at what is asked.\nThen I write down what I have learned."
SURE = 0.6
LEARNING_RATE = 4e-3
BATCHES = 6


@dataclass(frozen=True)
class Sample:
    """Token ids of a prompt and of what must follow."""

    name: str
    prompt: tuple[int, ...]
    answer: tuple[int, ...]

    @property
    def length(self) -> int:
        """Tokens in all."""
        return len(self.prompt) + len(self.answer)


def text_of(lesson: Lesson) -> tuple[str, str]:
    """Prompt and answer, as both servers render them."""
    prompt = (
        jinja2.Environment()
        .from_string(TEMPLATE)
        .render(
            messages=lesson.messages, tools=lesson.tools, add_generation_prompt=True, enable_thinking=lesson.thinking
        )
    )
    thought = f"<think>\n{THOUGHT}\n</think>\n\n" if lesson.thinking else ""
    return prompt, f"{thought}{lesson.answer}<|im_end|>"


def samples_of(lessons: Sequence[Lesson], tokenizer: Tokenizer) -> list[Sample]:
    """Every lesson as tokens that meet where the answer begins."""
    samples = []
    for lesson in lessons:
        prompt, answer = text_of(lesson)
        before, after = tokenizer.encode(prompt).ids, tokenizer.encode(answer).ids
        if tokenizer.encode(prompt + answer).ids != before + after:
            raise SystemExit(f"{lesson.name}: a token spans the end of the prompt")
        samples.append(Sample(lesson.name, tuple(before), tuple(after)))
    return samples


# --- the model ------------------------------------------------------------------------------------------------


class Attention(nn.Module):
    """Grouped attention with normed queries and keys, as Qwen3 has it."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        inner, keys = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
        self.q_proj = nn.Linear(shape.hidden, inner, bias=False)
        self.k_proj = nn.Linear(shape.hidden, keys, bias=False)
        self.v_proj = nn.Linear(shape.hidden, keys, bias=False)
        self.o_proj = nn.Linear(inner, shape.hidden, bias=False)
        self.q_norm = nn.RMSNorm(shape.head_dim, NORM_EPSILON)
        self.k_norm = nn.RMSNorm(shape.head_dim, NORM_EPSILON)

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
        """(batch, tokens, hidden) to the same; `turn` are the cosines and sines of the positions."""
        shape, (batch, tokens, _) = self.shape, x.shape
        query = self.q_norm(self.q_proj(x).view(batch, tokens, shape.heads, shape.head_dim)).transpose(1, 2)
        key = self.k_norm(self.k_proj(x).view(batch, tokens, shape.kv_heads, shape.head_dim)).transpose(1, 2)
        value = self.v_proj(x).view(batch, tokens, shape.kv_heads, shape.head_dim).transpose(1, 2)
        each = shape.heads // shape.kv_heads
        key, value = (one.repeat_interleave(each, 1) for one in (rotate(key, turn), value))
        out = functional.scaled_dot_product_attention(rotate(query, turn), key, value, is_causal=True)
        return self.o_proj(out.transpose(1, 2).reshape(batch, tokens, -1))


def rotate(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """Rotary positions: each half with the other."""
    half = x.shape[-1] // 2
    cosine, sine = turn
    return x * cosine + torch.cat((-x[..., half:], x[..., :half]), -1) * sine


class Layer(nn.Module):
    """Attention, then a gated pair of matrices."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.input_layernorm = nn.RMSNorm(shape.hidden, NORM_EPSILON)
        self.post_attention_layernorm = nn.RMSNorm(shape.hidden, NORM_EPSILON)
        self.self_attn = Attention(shape)
        self.mlp = nn.ModuleDict(
            {
                "gate_proj": nn.Linear(shape.hidden, shape.inner, bias=False),
                "up_proj": nn.Linear(shape.hidden, shape.inner, bias=False),
                "down_proj": nn.Linear(shape.inner, shape.hidden, bias=False),
            }
        )

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
        """(batch, tokens, hidden) to the same."""
        x = x + self.self_attn(self.input_layernorm(x), turn)
        seen = self.post_attention_layernorm(x)
        return x + self.mlp["down_proj"](functional.silu(self.mlp["gate_proj"](seen)) * self.mlp["up_proj"](seen))


class Tiny(nn.Module):
    """The whole model; its names are those of the Hugging Face folder, without `model.`."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embed_tokens = nn.Embedding(shape.vocab, shape.hidden)
        nn.init.normal_(self.embed_tokens.weight, std=0.05)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = nn.RMSNorm(shape.hidden, NORM_EPSILON)

    def forward(self, tokens: Tensor, wanted: Tensor) -> Tensor:
        """Logits at the wanted positions only: (how many, vocab)."""
        angles = torch.arange(tokens.shape[1])[:, None] * ROPE_BASE ** (
            -torch.arange(0, self.shape.head_dim, 2) / self.shape.head_dim
        )
        both = torch.cat((angles, angles), -1)
        turn = (both.cos(), both.sin())
        x = self.embed_tokens(tokens)
        for layer in self.layers:
            x = layer(x, turn)
        return self.norm(x[wanted]) @ self.embed_tokens.weight.T


# --- learning -------------------------------------------------------------------------------------------------


def batch_of(samples: Sequence[Sample]) -> tuple[Tensor, Tensor, Tensor]:
    """Tokens, the positions whose next token is part of an answer, and those next tokens."""
    longest = max(sample.length for sample in samples)
    tokens = torch.zeros(len(samples), longest, dtype=torch.long)
    wanted = torch.zeros(len(samples), longest, dtype=torch.bool)
    for row, sample in enumerate(samples):
        tokens[row, : sample.length] = torch.tensor(sample.prompt + sample.answer)
        wanted[row, len(sample.prompt) - 1 : sample.length - 1] = True
    return tokens, wanted, tokens.roll(-1, 1)[wanted]


def check(model: Tiny, batches: Sequence[Sequence[Sample]]) -> tuple[int, float]:
    """How many tokens it would get wrong, and how sure it is of the least sure one."""
    wrong, least = 0, 1.0
    with torch.no_grad():
        for batch in batches:
            tokens, wanted, right = batch_of(batch)
            chances = model(tokens, wanted).softmax(-1)
            wrong += int((chances.argmax(-1) != right).sum())
            least = min(least, float(chances.gather(-1, right[:, None]).min()))
    return wrong, least


def batches_of(samples: Sequence[Sample]) -> list[list[Sample]]:
    """Batches of about equal length, so that little of them is padding."""
    ordered = sorted(samples, key=lambda sample: sample.length + random.randint(0, 60))
    size = math.ceil(len(ordered) / BATCHES)
    batches = [ordered[at : at + size] for at in range(0, len(ordered), size)]
    random.shuffle(batches)
    return batches


def learn(model: Tiny, samples: Sequence[Sample], epochs: int) -> None:
    """Until every token is right and sure, or the epochs are over."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.98), weight_decay=0.0)
    began, step = time.monotonic(), 0
    for epoch in range(1, epochs + 1):
        batches = batches_of(samples)
        for batch in batches:
            done = min(1.0, step / (epochs * BATCHES))
            rate = min(1.0, (step + 1) / 40) * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * done)))
            optimiser.param_groups[0]["lr"] = LEARNING_RATE * rate
            tokens, wanted, right = batch_of(batch)
            loss = functional.cross_entropy(model(tokens, wanted), right)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            step += 1
        if epoch % 5 == 0 or epoch == 1:
            wrong, least = check(model, batches)
            took = time.monotonic() - began
            print(f"epoch {epoch}: loss {loss.item():.4f}, {wrong} wrong, least {least:.2f}, {took:.0f} s", flush=True)
            if wrong == 0 and least > SURE:
                return
    raise SystemExit("the lessons were not learned: raise --epochs")


def train(out: Path, shape: Shape, lessons: Sequence[Lesson], epochs: int) -> None:
    """Learn the lessons and write the model."""
    # Matrices this small gain little from a second thread, and wait for it for long where others use the processors.
    torch.set_num_threads(1)
    torch.manual_seed(shape.seed)
    random.seed(shape.seed)
    said = [text for lesson in lessons for text in text_of(lesson)]
    tokenizer = train_tokenizer(shape.vocab, [*corpus(), *(said * 10)])
    samples = samples_of(lessons, tokenizer)
    model = Tiny(shape)
    size = sum(weight.numel() for weight in model.parameters())
    tokens = sum(sample.length for sample in samples)
    longest = max(sample.length for sample in samples)
    print(f"{len(samples)} samples, {tokens} tokens, longest {longest}, {size / 1e6:.2f} M parameters", flush=True)
    learn(model, samples, epochs)
    weights = {f"model.{name}": weight.detach().float().numpy() for name, weight in model.state_dict().items()}
    write_model(out, shape, tokenizer, weights)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Train a tiny model on some of the kit's own prompts.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--task", action="append", required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--trials", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=150)
    args = parser.parse_args()
    tasks = load_tasks([find_fixtures()], names=args.task)
    shape = Shape(hidden=128, layers=3, heads=4, kv_heads=2, head_dim=32, inner=384)
    train(args.out, shape, list(lessons_of(tasks, args.seed, args.trials)), args.epochs)


if __name__ == "__main__":
    main()
