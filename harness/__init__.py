"""Lanebench measures which local model should write code on this machine. `harness.cli` is its command line."""

__version__ = "0.1.0"
