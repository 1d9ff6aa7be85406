"""Files."""

from harness.files.canonical import (
    append_line,
    build,
    drop_torn_line,
    from_json,
    plain,
    read_json,
    read_lines,
    sha256_of,
    sha256_of_file,
    to_json,
    write_atomic,
)
from harness.files.kit import ROOT, find_data, kit_info

__all__ = [
    "ROOT",
    "append_line",
    "build",
    "drop_torn_line",
    "find_data",
    "from_json",
    "kit_info",
    "plain",
    "read_json",
    "read_lines",
    "sha256_of",
    "sha256_of_file",
    "to_json",
    "write_atomic",
]
