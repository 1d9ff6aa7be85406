"""Runs the proxy: `serve` listens, passes on and records until it is told to stop; `ProxySettings` says how.

`parse_target` and `parse_listen` read the two addresses that a user gives.
"""

from __future__ import annotations

import asyncio
import hmac
import re
import signal
import socket
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from harness.errors import ConfigError, DiskError
from harness.host import is_loopback, is_this_machine
from harness.proxy.bodies import FramingError
from harness.proxy.client_connection import ClientConnection
from harness.proxy.exchange_journal import ExchangeJournal
from harness.proxy.heads import RequestHead
from harness.proxy.journal import SessionJournal, open_journal
from harness.proxy.relay import ResponseRelay
from harness.proxy.secrets import hide_target
from harness.proxy.summary import ResponseRecord, Summarizer, SummaryProcess
from harness.proxy.target_connection import TargetConnection
from harness.proxy.target_key import TargetKey
from harness.record import LABEL_RULE, Timeouts, is_host_name
from harness.types import ExchangeEnd

_BACKLOG = 128
_MAX_PORT = 65535
_NO_TOKEN = re.compile(r"[^!-~]")
"""What a token must not have: other characters a header may not carry, or a client may cut or encode."""
Admission = Callable[[RequestHead, bytes], str | None]
"""Says why a request is refused."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the target listens."""

    host: str
    port: int
    is_tls: bool = False

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.is_tls else 'http'}://{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it."""
        return is_loopback(self.host)

    @property
    def is_this_machine(self) -> bool:
        """Whether a loopback address leads to it; an unspecified one, such as 0.0.0.0, stands for all addresses."""
        return is_this_machine(self.host)


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """What a proxy passes on to where, and into which folder it records.

    `listen` None: at no address, so that only this process reaches it, by `ProxyHandle.connect`. With a `token` only
    requests are passed on that have it as their API key; `api_key` is the target's, which is sent in place of the
    client's. `admit` is given each request with its whole body, once that has arrived, and says
    why it is not passed on; None: it is. `summarizer` makes the printed lines; None: a process of its own.
    """

    target: Address
    listen: Address | None
    out: Path
    token: str | None = None
    api_key: str | None = None
    summarizer: Summarizer | None = None
    admit: Admission | None = None


@dataclass(frozen=True, slots=True)
class ProxyHandle:
    """A proxy that takes requests now: `url` is where it listens, if it does. Any thread may call the methods."""

    url: str | None
    _server: _ProxyServer
    _stop: asyncio.Event
    _loop: asyncio.AbstractEventLoop

    def connect(self) -> socket.socket:
        """A connection of this process, which needs no address that others could connect to.

        Raises ConnectionRefusedError where the proxy has ended.
        """
        if self._loop.is_closed():
            raise ConnectionRefusedError("the proxy has ended")
        client, accepted = socket.socketpair()
        accepted.setblocking(False)
        accept = self._loop.connect_accepted_socket(lambda: ClientConnection(self._server), accepted)
        asyncio.run_coroutine_threadsafe(accept, self._loop)
        return client

    def stop(self) -> None:
        """End every exchange and `serve`; nothing where it has ended."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._stop.set)


def parse_target(url: str) -> Address:
    """The target of a URL. Raises ConfigError, also for a path: that of each request is passed on as it came."""
    if "@" in url:
        # First of all: every later message shows the URL.
        raise ConfigError("the target's URL has credentials", fix="give it as http://HOST:PORT")
    try:
        parts = urlsplit(url)
        port = parts.port if parts.port is not None else 443 if parts.scheme == "https" else 80
        if port == 0:
            raise ValueError("port 0 is no address")
    except ValueError as error:
        raise ConfigError(f"{url}: invalid URL: {error}", fix="give it as http://HOST:PORT") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"{url}: not an http or https URL with a host", fix="give it as http://HOST:PORT")
    if parts.query or parts.fragment:
        raise ConfigError("the target's URL has a query or a fragment", fix="give it as http://HOST:PORT")
    if not is_host_name(parts.hostname):
        message = f"{url}: {parts.hostname} is not the name of a host: {LABEL_RULE}"
        raise ConfigError(message, fix="give it as http://HOST:PORT")
    target = Address(parts.hostname, port, parts.scheme == "https")
    if parts.path not in ("", "/"):
        message = f"{url}: the path of each request is passed on as it came, so the target must not have one"
        raise ConfigError(message, fix=f"use {target}, and give the path {parts.path} to the agent")
    return target


def parse_listen(text: str) -> Address:
    """The address of HOST:PORT. Raises ConfigError."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or len(port) > len(str(_MAX_PORT)) or int(port) > _MAX_PORT:
        raise ConfigError(f"{text}: not an address to listen on", fix="give it as 127.0.0.1:8081")
    host = host.strip("[]")
    if not is_host_name(host):
        raise ConfigError(f"{text}: {host} is not the name of a host: {LABEL_RULE}", fix="give it as 127.0.0.1:8081")
    return Address(host, int(port))


class _ProxyServer:
    """The state that all connections share."""

    def __init__(self, settings: ProxySettings, journal: SessionJournal, report: Callable[[str], None]) -> None:
        self._settings, self._journal, self._report = settings, journal, report
        self._summarizer = settings.summarizer or SummaryProcess()
        self._executor = ThreadPoolExecutor(1, "summary")
        self._relay_thread = ThreadPoolExecutor(1, "relay")
        self._tls = _tls_context() if settings.target.is_tls else None
        self.target_key = TargetKey(settings.api_key) if settings.api_key else None
        self._relays: set[asyncio.Future[OSError | FramingError | None]] = set()
        self._clients: set[ClientConnection] = set()
        self.exchanges = self._under_way = 0
        self._has_explained = False
        """Whether it was said why lines have no counts."""

    def begin(self, head: RequestHead) -> ExchangeJournal:
        secrets = frozenset([self.target_key.secret] if self.target_key else [])
        record = ExchangeJournal(self._journal, self.exchanges, head, secrets)
        self.exchanges += 1
        self._under_way += 1
        return record

    @property
    def needs_body(self) -> bool:
        return self._settings.admit is not None

    def refusal(self, head: RequestHead, body: bytes) -> tuple[int, str] | None:
        if not self._has_token(head):
            return 401, "the proxy demands its token as the API key"
        reason = self._settings.admit(head, body) if self._settings.admit is not None else None
        return None if reason is None else (403, reason)

    def _has_token(self, head: RequestHead) -> bool:
        token = self._settings.token
        if token is None:
            return True
        names = (b"proxy-authorization", b"authorization", b"x-api-key", b"api-key")
        values = [value for name in names for value in head.values(name)]
        # As the whole value, or behind a scheme such as Bearer.
        given = [*values, *(value.partition(b" ")[2].strip() for value in values)]
        # compare_digest takes as long for every wrong token, so its time tells nothing of the right one.
        return any(hmac.compare_digest(value, token.encode("utf-8")) for value in given)

    async def connect(self, connection: TargetConnection) -> None:
        target, loop = self._settings.target, asyncio.get_running_loop()
        async with asyncio.timeout(Timeouts().connect_s):
            await loop.create_connection(lambda: connection, target.host, target.port, ssl=self._tls)

    def can_relay(self) -> bool:
        return self._under_way == 1 and self._tls is None

    def run_relay(self, relay: ResponseRelay) -> asyncio.Future[OSError | FramingError | None]:
        running = asyncio.get_running_loop().run_in_executor(self._relay_thread, relay.run)
        self._relays.add(running)
        running.add_done_callback(self._relays.discard)
        return running

    def finish(self, head: RequestHead, record: ExchangeJournal, reason: ExchangeEnd, error: str | None) -> None:
        self._under_way -= 1
        record.end(reason, error)
        path = hide_target(head.target).partition("?")[0]
        response = ResponseRecord(path, record.status, record.sent_ns, record.chunks, reason, error, record.encoding)
        self._executor.submit(self._print, response)

    def _print(self, response: ResponseRecord) -> None:
        try:
            self._report(self._summarizer(response))
        except Exception as error:  # noqa: BLE001
            # Recording goes on without counts, whatever is wrong with them, such as a killed process.
            if not self._has_explained:
                has_ended = isinstance(error, EOFError | OSError)
                reason = "the process that counts tokens has ended" if has_ended else f"{type(error).__name__}: {error}"
                self._report(f"lines without counts follow: {reason}; all is recorded")
            self._has_explained = True
            self._report(f"{response.path}  {response.status or response.error}")

    def note(self, line: str) -> None:
        self._report(line)

    def add(self, connection: ClientConnection) -> None:
        self._clients.add(connection)

    def discard(self, connection: ClientConnection) -> None:
        self._clients.discard(connection)

    async def stop(self) -> None:
        """End every exchange; what came until now is recorded."""
        for client in list(self._clients):
            client.stop()
        if self._relays:
            await asyncio.wait(self._relays)
        # The last connections close in the next turn of the loop.
        await asyncio.sleep(0)

    def wait_for_lines(self) -> None:
        """Wait until every line is printed."""
        self._relay_thread.shutdown()
        self._executor.shutdown()
        if isinstance(self._summarizer, SummaryProcess):
            self._summarizer.close()


def _tls_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def serve(settings: ProxySettings, report: Callable[[str], None], ready: Callable[[ProxyHandle], None]) -> int:
    """Pass on and record until the proxy is stopped; returns how many exchanges there were.

    `ready` is called with a handle of the proxy as soon as it takes requests. Raises ConfigError if it cannot listen,
    RunError if the folder holds something else, DiskError if not all could be recorded.
    """
    import uvloop

    # uvloop passes a first token on about 0.3 ms sooner than the event loop of asyncio (tests/bench_proxy.py).
    return uvloop.run(_serve(settings, report, ready))


async def _serve(settings: ProxySettings, report: Callable[[str], None], ready: Callable[[ProxyHandle], None]) -> int:
    _check(settings)

    def note(error: DiskError) -> None:
        report(f"{error.message}: requests are passed on, and no longer recorded")

    with open_journal(settings.out, str(settings.target), note) as journal:
        server = _ProxyServer(settings, journal, report)
        try:
            await _run(server, settings.listen, ready)
        finally:
            await server.stop()
            server.wait_for_lines()
    if journal.error is not None:
        raise journal.error
    return server.exchanges


async def _run(server: _ProxyServer, listen: Address | None, ready: Callable[[ProxyHandle], None]) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    # Signals that come while the loop waits; a loop in another thread than the main one gets none.
    with suppress(ValueError, RuntimeError):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                loop.add_signal_handler(number, stop.set)
    if listen is None:
        ready(ProxyHandle(None, server, stop, loop))
        await stop.wait()
        return
    listener = await _listen(server, listen)
    port = listener.sockets[0].getsockname()[1]
    ready(ProxyHandle(str(Address(listen.host, port)), server, stop, loop))
    await stop.wait()
    listener.close()


async def _listen(server: _ProxyServer, listen: Address) -> asyncio.Server:
    try:
        return await asyncio.get_running_loop().create_server(
            lambda: ClientConnection(server), listen.host, listen.port, backlog=_BACKLOG
        )
    except OSError as error:
        message = f"{listen.host}:{listen.port}: cannot be listened on: {error.strerror or error}"
        raise ConfigError(message, fix="choose another port") from error


def _check(settings: ProxySettings) -> None:
    """Refuse what would be open to others, or would ask itself. Raises ConfigError."""
    listen, target = settings.listen, settings.target
    if listen is None:
        return
    if settings.token and _NO_TOKEN.search(settings.token):
        message = "the proxy's token has whitespace, a control character or a non-ASCII character"
        raise ConfigError(message, fix="choose a token of ASCII letters, digits and punctuation")
    if not listen.is_loopback and not settings.token:
        raise ConfigError(f"{listen.host}: other machines reach this address, and no token protects it")
    if listen.port == target.port and listen.is_this_machine and target.is_this_machine:
        raise ConfigError(f"the proxy would listen where its target is: {target}", fix="choose another port")
