"""Process 1 of an agent's container: runs the agent and carries its connections over standard input and output.

`main` is what the container starts. It reads a job and a working tree as frames, unpacks the tree, runs the agent as a
child, and listens on loopback: what connects there becomes a channel of frames to the host. At the end it kills what
the agent left running and sends the tree back as a tar archive. `pack_frame` and `FrameReader` are the protocol, which
the host imports from here. It is given to the interpreter as a text, so it imports the standard library only.

The agent's own output is data inside frames, whatever it contains. The interpreter's file cannot be read by its user,
for which the kernel denies the agent this process's descriptors and memory (see harness/languages/language.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import glob
import io
import json
import os
import signal
import stat
import struct
import sys
import tarfile
from collections.abc import Iterator
from typing import Any

JOB, ARCHIVE, GO, STOP, OPEN, DATA, CLOSE, STDOUT, STDERR, ENDED, TREE, LEFT_OUT, TRANSCRIPT, DONE = range(1, 15)
NOT_STARTED = 15
"""The kinds of frames. JOB, ARCHIVE, GO and STOP go in; DATA and CLOSE go both ways; the others come out. NOT_STARTED
has the reason why the agent's program could not be started, and is the last then."""
HEADER = struct.Struct(">BIL")
"""The head of a frame: its kind, its channel (0 for none) and its size."""
MAX_FRAME_BYTES = 65_536
MAX_CHANNELS = 64
WORK = "/work"

_MAX_LIST_BYTES = 524_288
_CGROUP_FILES = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")
"""Where the kernel counts processes that it killed since the container was out of memory: cgroup v2 and v1."""


def pack_frame(kind: int, channel: int = 0, data: bytes = b"") -> bytes:
    """One frame; the data may have MAX_FRAME_BYTES."""
    return HEADER.pack(kind, channel, len(data)) + data


class FrameReader:
    """Puts frames together from bytes as they are read."""

    def __init__(self) -> None:
        self._unread = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[int, int, bytes]]:
        """The frames that are complete now. Raises ValueError for what is no frame."""
        self._unread += data
        while len(self._unread) >= HEADER.size:
            kind, channel, size = HEADER.unpack_from(self._unread)
            if not JOB <= kind <= NOT_STARTED or size > MAX_FRAME_BYTES:
                raise ValueError("not a frame")
            end = HEADER.size + size
            if len(self._unread) < end:
                return
            frame = kind, channel, bytes(self._unread[HEADER.size : end])
            del self._unread[:end]
            yield frame


def send(kind: int, data: bytes = b"", channel: int = 0) -> None:
    """Write frames to standard output; large data takes several. Blocks until the host reads."""
    for start in range(0, max(1, len(data)), MAX_FRAME_BYTES):
        left = memoryview(pack_frame(kind, channel, data[start : start + MAX_FRAME_BYTES]))
        while left:
            left = left[os.write(1, left) :]


class Forwarder:
    """The state of process 1: its job, its channels and the agent."""

    def __init__(self) -> None:
        self.job: dict[str, Any] = {}
        self.job_text, self.archive = bytearray(), bytearray()
        self.channels: dict[int, asyncio.StreamWriter] = {}
        self.opened = 0
        self.stopped = asyncio.Event()
        self.started = asyncio.Event()
        self.outputs = {STDOUT: bytearray(), STDERR: bytearray()}

    def take(self, kind: int, channel: int, data: bytes) -> None:
        """Act on a frame of the host."""
        if kind == JOB:
            self.job_text += data
        elif kind == ARCHIVE:
            self.archive += data
        elif kind == GO:
            self.job = json.loads(self.job_text)
            self.started.set()
        elif kind == STOP:
            self.stopped.set()
        elif channel in self.channels:
            writer = self.channels[channel]
            if kind == DATA:
                writer.write(data)
            else:
                writer.close()

    async def read_host(self) -> None:
        """Act on the host's frames until the stream ends, which ends everything."""
        reader, frames = asyncio.StreamReader(), FrameReader()
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
        while data := await reader.read(MAX_FRAME_BYTES):
            for frame in frames.feed(data):
                self.take(*frame)
        os._exit(0)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection of the agent; the host closes one too many.

        The end of what the agent sends ends the connection, as at most servers: one that is closed in one direction
        looks like one that is given up, and a server must not go on computing a reply that nobody waits for.
        """
        if len(self.channels) >= MAX_CHANNELS:
            writer.close()
            return
        self.opened += 1
        channel = self.opened
        self.channels[channel] = writer
        send(OPEN, channel=channel)
        with contextlib.suppress(OSError):
            while data := await reader.read(MAX_FRAME_BYTES):
                send(DATA, data, channel)
        send(CLOSE, channel=channel)
        del self.channels[channel]
        writer.close()

    async def keep_end(self, kind: int, stream: asyncio.StreamReader) -> None:
        """Keep the last of what the agent writes, which says how it ended; sent at its end, it delays no request."""
        kept = self.outputs[kind]
        while data := await stream.read(MAX_FRAME_BYTES):
            kept += data
            del kept[: max(0, len(kept) - self.job["output_bytes"])]

    async def run(self) -> None:
        """The whole of a run."""
        host = asyncio.create_task(self.read_host())
        await self.started.wait()
        given = unpack(bytes(self.archive), self.job["files"])
        server = await asyncio.start_server(self.serve, "127.0.0.1", self.job["port"])
        try:
            process = await self.start_agent()
        except (OSError, ValueError) as error:
            send(NOT_STARTED, str(error).encode("utf-8", "replace"))
            return
        exit_code, left = await self.wait_for(process)
        server.close()
        send(ENDED, json.dumps({"exit_code": exit_code, "left_processes": left, **kernel_counts()}).encode())
        for kind, output in self.outputs.items():
            send(kind, bytes(output))
        send_tree(self.job, given)
        send(TRANSCRIPT, newest(self.job["transcript"], self.job["output_bytes"]))
        send(DONE)
        await host

    async def start_agent(self) -> asyncio.subprocess.Process:
        """Start the agent. Raises OSError or ValueError if that is not possible."""
        command, environment = self.job["command"], {**os.environ, **self.job["environment"]}
        return await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env=environment, cwd=WORK, start_new_session=True, preexec_fn=prefer_for_oom_kill,
        )  # fmt: skip

    async def wait_for(self, process: asyncio.subprocess.Process) -> tuple[int | None, int]:
        """Wait until the agent ends or is stopped; its exit code (None: stopped) and how many processes it left."""
        assert process.stdout is not None
        assert process.stderr is not None
        outputs = asyncio.gather(self.keep_end(STDOUT, process.stdout), self.keep_end(STDERR, process.stderr))
        waits = [asyncio.create_task(exit_of(process)), asyncio.create_task(self.stopped.wait())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        exit_code = None if self.stopped.is_set() else process.returncode
        left = kill_all()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(outputs, 5)
        return exit_code, left


async def exit_of(process: asyncio.subprocess.Process) -> None:
    """Wait until a process has ended; its own `wait` also waits for children that hold its output open."""
    while process.returncode is None:
        await asyncio.sleep(0.02)


def prefer_for_oom_kill() -> None:
    """In the child: when memory runs out, the kernel kills the agent and not process 1."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")


def others() -> list[int]:
    """The processes of the container but this one and those that have ended."""
    found = []
    for path in glob.glob("/proc/[0-9]*/stat"):
        with contextlib.suppress(OSError), open(path, "rb") as file:
            # Bytes, since the kernel cuts the name of a process inside a character.
            number, _, rest = file.read().partition(b" (")
            if int(number) != os.getpid() and rest.rpartition(b") ")[2][:1] not in (b"Z", b"X"):
                found.append(int(number))
    return found


def kill_all() -> int:
    """Kill whatever else runs in the container, and wait for its end; returns how many processes there were."""
    count = len(others())
    while others():
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        os.sched_yield()
    return count


def unpack(archive: bytes, files: dict[str, str]) -> list[str]:
    """Write the working tree, which the kit packed, and the agent's configuration files; the paths of the tree."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(WORK, filter="data")
        paths = tar.getnames()
    for path, text in files.items():
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    return paths


def entries(given: list[str], tool_folders: list[str]) -> Iterator[str]:
    """The paths of all entries but folders, those that the agent was given first; of a folder of tools, its own.

    The order matters where the tree exceeds a limit: what the agent made beside its work must not displace the work.
    """
    for name in given:
        if os.path.realpath(path := os.path.join(WORK, name)) == path and os.path.isfile(path):
            yield path
    known = {os.path.join(WORK, name) for name in given}
    for here, folders, files in os.walk(WORK):
        ends = [name for name in folders if name in tool_folders or os.path.islink(os.path.join(here, name))]
        folders[:] = sorted(set(folders) - set(ends))
        for name in sorted([*files, *ends]):
            if (path := os.path.join(here, name)) not in known:
                yield path


def send_tree(job: dict[str, Any], given: list[str]) -> None:
    """Send the tree as a tar archive within the job's limits, then what was left out of it and why.

    That list has a line of JSON for each entry, and an empty line at its end unless it is cut.
    """
    left_out: list[bytes] = []
    list_bytes = 0
    size = count = 0
    for path in entries(given, job["tool_folders"]):
        name = os.path.relpath(path, WORK)
        try:
            info = os.lstat(path)
            # Its size may be 10 GB that the file system does not hold: a file with a hole.
            if stat.S_ISREG(info.st_mode) and info.st_size > job["max_file_bytes"]:
                reason = "file too large"
            elif count >= job["max_files"] or size + info.st_size > job["max_tree_bytes"]:
                reason = "tree too large"
            else:
                send(TREE, tar_entry(path, name))
                count, size = count + 1, size + info.st_size
                continue
        except (OSError, ValueError):
            reason = "unreadable"
        line = json.dumps([name.encode("utf-8", "backslashreplace").decode(), reason]).encode() + b"\n"
        list_bytes += len(line)
        if list_bytes < _MAX_LIST_BYTES:
            left_out.append(line)
    send(TREE, bytes(2 * tarfile.BLOCKSIZE))
    send(LEFT_OUT, b"".join(left_out) + (b"\n" if list_bytes < _MAX_LIST_BYTES else b""))


def tar_entry(path: str, name: str) -> bytes:
    """One entry of a tar archive: head and content."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        info = tar.gettarinfo(path, name)
        if info is None:
            raise ValueError("a socket")
        if info.isreg():
            with open(path, "rb") as file:
                tar.addfile(info, file)
        else:
            tar.addfile(info)
        return buffer.getvalue()[: tar.offset]


def newest(pattern: str, max_bytes: int) -> bytes:
    """The last bytes of the newest file that a pattern finds; empty if there is none."""
    paths = [path for path in glob.glob(pattern, recursive=True) if os.path.isfile(path)] if pattern else []
    # The agent may have made its own log unreadable.
    with contextlib.suppress(OSError, ValueError), open(max(paths, key=os.path.getmtime), "rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - max_bytes))
        return file.read(max_bytes)
    return b""


def _fields(path: str, line: str) -> dict[str, int]:
    """The counters of a line pair in /proc/net/snmp: names, then values."""
    with open(path) as file:
        rows = [row.split()[1:] for row in file if row.startswith(f"{line}: ")]
    return dict(zip(rows[0], map(int, rows[1]), strict=False)) if len(rows) == 2 else {}


def kernel_counts() -> dict[str, int]:
    """What the kernel counted: connections that had no route or found no listener, and OOM kills.

    A container without a network has a namespace of its own, whose counters begin at zero.
    """
    counts = {"no_route": 0, "no_listener": 0, "oom_kills": 0}
    with contextlib.suppress(OSError, IndexError):
        counts["no_route"] = _fields("/proc/net/snmp", "Ip").get("OutNoRoutes", 0)
        counts["no_listener"] = _fields("/proc/net/snmp", "Tcp").get("AttemptFails", 0)
        counts["no_listener"] += _fields("/proc/net/snmp", "Udp").get("NoPorts", 0)
    with contextlib.suppress(OSError), open("/proc/net/snmp6") as file:
        counts["no_route"] += sum(int(row.split()[1]) for row in file if row.startswith("Ip6OutNoRoutes"))
    for path in _CGROUP_FILES:
        with contextlib.suppress(OSError), open(path) as file:
            counts["oom_kills"] += sum(int(row.split()[1]) for row in file if row.startswith("oom_kill "))
    return counts


def main() -> None:
    """Run as process 1 of an agent's container."""
    # The kernel keeps every signal of the agent from process 1 but those with a handler, and Python has one of SIGINT.
    signal.signal(signal.SIGINT, lambda number, frame: None)
    asyncio.run(Forwarder().run())


if __name__ == "__main__":
    main()
