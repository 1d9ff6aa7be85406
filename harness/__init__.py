"""Lanebench: which local model should write my code on this machine?"""

__version__ = "0.1.0"
