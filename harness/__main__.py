"""Lets `python -m harness` do the same as the command `lanebench`."""

import sys

from harness.cli import main

if __name__ == "__main__":
    sys.exit(main())
