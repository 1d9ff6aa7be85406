"""Demo server: an embedded chat server with simulated models, for a first run without any real model.

`serve` starts it for a list of tasks. It answers from the tasks' own solution/ and wrong/ files at stated speeds. Its
models are marked `simulated`, since no number from it is a measurement.
"""

from harness.demo.answers import Answers
from harness.demo.replies import split_tokens
from harness.demo.server import DemoServer, serve, serve_answers
from harness.demo.simulated_models import SERVER_NAME, SIMULATED_MODELS, SimulatedModel

__all__ = [
    "SERVER_NAME",
    "SIMULATED_MODELS",
    "Answers",
    "DemoServer",
    "SimulatedModel",
    "serve",
    "serve_answers",
    "split_tokens",
]
