"""Parse the output of one command into one fact; unexpected output gives None, never a guess.

Sources of the macOS formats: the man pages of sysctl, vm_stat, pmset, sw_vers, ioreg and footprint, and outputs that
users published.
"""

from __future__ import annotations

import json
import re

_UNITS = {"B": 1, "KB": 1024, "K": 1024, "MB": 1024**2, "M": 1024**2, "GB": 1024**3, "G": 1024**3, "T": 1024**4}


def parse_integer(text: str | None) -> int | None:
    """The integer that is the whole text."""
    stripped = (text or "").strip()
    return int(stripped) if re.fullmatch(r"\d+", stripped) else None


def parse_line(text: str | None) -> str | None:
    """The only line of the text; None if it is empty or has several."""
    stripped = (text or "").strip()
    return stripped if stripped and "\n" not in stripped else None


def parse_gpu_cores(text: str | None) -> int | None:
    """GPU cores from `system_profiler SPDisplaysDataType -json`, where they are strings, beside display serials."""
    try:
        cards = json.loads(text or "")["SPDisplaysDataType"]
        cores = [card["sppci_cores"] for card in cards if "sppci_cores" in card]
    except (ValueError, KeyError, TypeError):
        return None
    return parse_integer(str(cores[0])) if len(cores) == 1 else None


def parse_swap_used(text: str | None) -> int | None:
    """Bytes from `sysctl -n vm.swapusage`: `total = 1024.00M  used = 0.00M  free = 1024.00M  (encrypted)`."""
    found = re.search(r"\bused = (\d+(?:\.\d+)?)([KMGT])\b", text or "")
    return int(float(found[1]) * _UNITS[found[2]]) if found else None


def parse_vm_stat(text: str | None) -> dict[str, int] | None:
    """Bytes for each line of `vm_stat`: pages times the page size in its first line; None without a page size."""
    size = re.search(r"page size of (\d+) bytes", text or "")
    if size is None:
        return None
    lines = re.findall(r'^"?([A-Za-z][A-Za-z -]*?)"?:\s+(\d+)\.\s*$', text or "", re.MULTILINE)
    return {name: int(pages) * int(size[1]) for name, pages in lines}


def parse_memory_in_use(text: str | None) -> int | None:
    """Bytes in use from `vm_stat` as Activity Monitor counts them: anonymous - purgeable + wired + compressed."""
    pages = parse_vm_stat(text)
    names = ("Anonymous pages", "Pages purgeable", "Pages wired down", "Pages occupied by compressor")
    if pages is None or any(name not in pages for name in names):
        return None
    anonymous, purgeable, wired, compressed = (pages[name] for name in names)
    return anonymous - purgeable + wired + compressed


def parse_power_source(text: str | None) -> str | None:
    """`AC Power`, `Battery Power` or `UPS Power` from the first line of `pmset -g batt`."""
    found = re.match(r"Now drawing from '((?:AC|Battery|UPS) Power)'", text or "")
    return found[1] if found else None


_MODES = {"0": "automatic", "1": "low", "2": "high"}


def _power_rows(text: str | None) -> dict[str, str]:
    _, found, block = (text or "").partition("Currently in use:")
    return dict(re.findall(r"^ (lowpowermode|powermode)\s+([0-2])\s*$", block, re.MULTILINE)) if found else {}


def parse_low_power(text: str | None) -> bool | None:
    """Whether low power mode is on, from `pmset -g`: `lowpowermode` 0 or 1, else `powermode` 0, 1 (low) or 2.

    Only the block "Currently in use" counts: the settings above it are those of other power sources too.
    """
    rows = _power_rows(text)
    mode = rows.get("lowpowermode", rows.get("powermode"))
    return None if mode is None else mode == "1"


def parse_power_mode(text: str | None) -> str | None:
    """`low`, `automatic` or `high` from `pmset -g`; None if only `lowpowermode` is there and off: it may be either."""
    rows = _power_rows(text)
    if rows.get("lowpowermode") == "1":
        return "low"
    return _MODES.get(rows.get("powermode", ""))


def parse_thermal(text: str | None) -> str | None:
    """The warning levels and limits from `pmset -g therm` as `NAME=VALUE`, or `no warning recorded`.

    The latter only if every line says so of its kind. Apple Silicon may throttle without recording a warning
    (llama.cpp#10444), so it proves nothing.
    """
    found = re.findall(
        r"(?:^|\s)((?:Thermal|Performance) Warning Level|CPU_[A-Za-z_]+)\s*[=:]\s*(\d+)\s*$", text or "", re.MULTILINE
    )
    if found:
        return " ".join(f"{name.replace(' ', '_')}={value}" for name, value in found)
    lines = (text or "").split("\n")
    quiet = all(line.startswith("Note: No ") for line in lines if line.strip())
    return "no warning recorded" if quiet and "Note: No thermal warning level has been recorded" in lines else None


def parse_footprint(text: str | None) -> int | None:
    """Bytes from footprint(1): its line `phys_footprint: 99 B`; without `-f bytes` rounded to a unit, such as GB."""
    found = re.search(r"^\s*phys_footprint:\s+(\d+(?:\.\d+)?)\s*(B|KB|MB|GB)\s*$", text or "", re.MULTILINE)
    return int(float(found[1]) * _UNITS[found[2]]) if found else None


def parse_os_release(text: str | None) -> str | None:
    """PRETTY_NAME of Linux's os-release."""
    found = re.search(r'^PRETTY_NAME="?([^"\n]+)"?$', text or "", re.MULTILINE)
    return found[1] if found else None


def parse_cpu_model(text: str | None) -> str | None:
    """The CPU's name from Linux's /proc/cpuinfo; ARM kernels do not write one."""
    found = re.search(r"^model name\s*:\s*(\S.*?)\s*$", text or "", re.MULTILINE)
    return found[1] if found else None


def parse_wired(text: str | None) -> int | None:
    """Bytes that macOS cannot page out, from `vm_stat`."""
    return (parse_vm_stat(text) or {}).get("Pages wired down")


def parse_unevictable(text: str | None) -> int | None:
    """Bytes that Linux cannot page out, from /proc/meminfo."""
    found = re.search(r"^Unevictable:\s+(\d+) kB$", text or "", re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def parse_wired_limit(text: str | None) -> int | None:
    """Bytes from `sysctl -n iogpu.wired_limit_mb`; 0 means the default limit, which macOS does not report."""
    megabytes = parse_integer(text)
    return megabytes * 1024**2 if megabytes else None


_PROFILES = {"low-power": "low", "quiet": "low", "balanced": "automatic", "performance": "high"}


def parse_platform_mode(text: str | None) -> str | None:
    """`low`, `automatic` or `high` from Linux's /sys/firmware/acpi/platform_profile."""
    return _PROFILES.get(parse_line(text) or "")


def parse_platform_profile(text: str | None) -> bool | None:
    """Whether Linux runs in its low-power profile, from the same file; None for a profile that says neither."""
    mode = parse_platform_mode(text)
    return None if mode is None else mode == "low"


def parse_ioreg(text: str | None) -> tuple[int | None, int | None]:
    """Bytes in use and utilization in percent from `ioreg` (PerformanceStatistics); None unless there is one GPU."""
    blocks = re.findall(r'"PerformanceStatistics" = \{([^}]*)\}', text or "")
    if len(blocks) != 1:
        return None, None
    used = re.search(r'"In use system memory"=(\d+)', blocks[0])
    utilization = re.search(r'"Device Utilization %"=(\d+)', blocks[0])
    return int(used[1]) if used else None, min(100, int(utilization[1])) if utilization else None


def parse_nvidia(text: str | None) -> tuple[int, int, int] | None:
    """Bytes used, bytes in all and the highest utilization in percent of all cards, from the CSV of nvidia-smi."""
    rows = re.findall(r"^\s*(\d+), (\d+), (\d+)\s*$", text or "", re.MULTILINE)
    if not rows or len(rows) != len((text or "").strip().splitlines()):
        return None
    used, total = (sum(int(row[at]) for row in rows) * 1024**2 for at in (0, 1))
    return used, total, min(100, max(int(row[2]) for row in rows))
