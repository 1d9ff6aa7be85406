"""Which addresses lead to this machine: `is_loopback` for a listener, `is_this_machine` for what a client connects to.

Both go by the host of an address alone, without a look-up: a name may lead anywhere.
"""

from __future__ import annotations

import ipaddress


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a host: all of 127.0.0.0/8, ::1, or the name localhost (RFC 6761)."""
    address = _parse(host)
    return address.is_loopback if address is not None else _is_localhost(host)


def is_this_machine(host: str) -> bool:
    """Whether a connection to a host stays on this machine.

    Beside the loopback ones these are the unspecified addresses, 0.0.0.0 and ::. A server that listens on all addresses
    prints them, so that they are copied into configurations, and systems connect to the loopback interface for them.
    """
    address = _parse(host)
    return is_loopback(host) or (address is not None and address.is_unspecified)


def _parse(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """A host's address, with an IPv4 one that is written as IPv6 (::ffff:127.0.0.1) as IPv4; None for a name."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address


def _is_localhost(host: str) -> bool:
    name = host.lower().removesuffix(".")
    return name == "localhost" or name.endswith(".localhost")
