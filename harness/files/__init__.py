"""Files that survive a crash, canonical JSON, digests, and the data that ships with the kit.

`to_json` and `from_json` convert between values and JSON text, `plain` and `build` between dataclasses and JSON values.
`write_atomic` and `append_line` write durably. `find_data` finds what ships with the kit, and `cache_folder` keeps what
can be made again.
"""

from harness.files.canonical import (
    MAX_JSON_BYTES,
    MAX_JSON_DEPTH,
    build,
    from_json,
    is_deeper_than,
    open_regular,
    plain,
    read_json,
    sha256_of,
    sha256_of_file,
    to_json,
    to_line,
    valid_text,
    valid_unicode,
)
from harness.files.durable import (
    append_line,
    disk_error,
    drop_torn_line,
    lock_folder,
    read_digested_lines,
    read_lines,
    uninterrupted,
    write_atomic,
)
from harness.files.kit import ROOT, cache_folder, find_data, git_environment, kit_digest, kit_info

__all__ = [
    "MAX_JSON_BYTES",
    "MAX_JSON_DEPTH",
    "ROOT",
    "append_line",
    "build",
    "cache_folder",
    "disk_error",
    "drop_torn_line",
    "find_data",
    "from_json",
    "git_environment",
    "is_deeper_than",
    "kit_digest",
    "kit_info",
    "lock_folder",
    "open_regular",
    "plain",
    "read_digested_lines",
    "read_json",
    "read_lines",
    "sha256_of",
    "sha256_of_file",
    "to_json",
    "to_line",
    "uninterrupted",
    "valid_text",
    "valid_unicode",
    "write_atomic",
]
