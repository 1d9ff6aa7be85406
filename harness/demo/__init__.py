"""An embedded model server with simulated models, so that a new user sees the whole path at once.

It answers from the tasks' own solution/ and wrong/ texts at stated speeds. Nothing that it says is a measurement:
every model of it is marked `simulated`.
"""

from harness.demo.answers import Answers
from harness.demo.server import Demo, serve, serve_answers
from harness.demo.simulated_models import VOICES, Voice
from harness.demo.tokens import split_tokens

__all__ = ["VOICES", "Answers", "Demo", "Voice", "serve", "serve_answers", "split_tokens"]
