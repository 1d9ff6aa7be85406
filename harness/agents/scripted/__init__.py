"""A model server whose replies are a script, over all three APIs: it makes a real agent read files, write them and end.

`scripted_server` serves a `ScriptedModel`, which acts through the tool that the agent's file declares.
"""

from harness.agents.scripted.model import ScriptedModel
from harness.agents.scripted.server import MODEL, scripted_server

__all__ = ["MODEL", "ScriptedModel", "scripted_server"]
