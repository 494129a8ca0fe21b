"""Which network addresses may be called: public ones, and those that an operator names."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from typing import Final, TypeAlias

IpAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_LOOPBACK: Final = tuple(map(ipaddress.ip_network, ("127.0.0.0/8", "::1/128")))
# What Python's `is_global` lets through, in one version or another, and what it cannot know.
_REFUSED: Final = tuple(
    map(
        ipaddress.ip_network,
        (
            "192.0.0.0/24",  # IETF protocol assignments
            "192.88.99.0/24",  # 6to4 relays
            "168.63.129.16/32",  # a cloud's metadata, behind a public address
            "::/96",  # IPv4-compatible
            "64:ff9b::/96",  # NAT64: an IPv4 address behind an IPv6 one
            "64:ff9b:1::/48",
            "2001::/23",  # IETF protocol assignments, Teredo
            "2002::/16",  # 6to4: an IPv4 address behind an IPv6 one
            "fec0::/10",  # site-local
        ),
    )
)


def is_callable(address: str, *, allowed: Collection[IpNetwork], loopback: bool) -> bool:
    """Whether `address` (an IP literal, with or without a zone) may be connected to.

    `allowed` are the networks that an operator named; `loopback` says that this machine may be called.
    """
    try:
        ip = _unmapped(ipaddress.ip_address(address.partition("%")[0]))
    except ValueError:
        return False
    if _is_within(ip, allowed):
        return True
    if _is_within(ip, _LOOPBACK):
        return loopback
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and not _is_within(ip, _REFUSED)


def _unmapped(ip: IpAddress) -> IpAddress:
    """What an IPv4-mapped IPv6 address stands for."""
    return (ip.ipv4_mapped or ip) if isinstance(ip, ipaddress.IPv6Address) else ip


def _is_within(ip: IpAddress, networks: Collection[IpNetwork]) -> bool:
    return any(ip.version == network.version and ip in network for network in networks)
