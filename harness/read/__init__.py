"""Stage 2: a recording becomes a reading. Pure: no input or output, no clock, and no byte sequence makes it raise."""

from harness.read.fold import read

__all__ = ["read"]
