"""The recording proxy: sits between any client and any server and keeps each exchange with its arrival times.

`serve` runs it until it is stopped, `read_exchanges` reads what it kept. heads.py and bodies.py know where messages
end, client_connection.py, target_connection.py and relay.py pass them on, journal.py writes, summary.py makes the line
that is printed for a request.
"""

from harness.proxy.exchanges import read_exchanges
from harness.proxy.heads import RequestHead
from harness.proxy.journal import JOURNAL
from harness.proxy.server import ProxyHandle, ProxySettings, parse_listen, parse_target, serve
from harness.proxy.summary import ResponseRecord, read_response

__all__ = [
    "JOURNAL",
    "ProxyHandle",
    "ProxySettings",
    "RequestHead",
    "ResponseRecord",
    "parse_listen",
    "parse_target",
    "read_exchanges",
    "read_response",
    "serve",
]
