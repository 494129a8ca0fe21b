"""Only public addresses are called, however they are spelt (RFC 8725 §3.10)."""

from __future__ import annotations

import ipaddress

import pytest

from sessiond_server.adapters.http.public_addresses import is_callable


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
def test_public_addresses_may_be_called(address: str) -> None:
    assert is_callable(address, allowed=(), loopback=False)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "::1",
        "::ffff:127.0.0.1",
        "::127.0.0.1",
        "0.0.0.0",
        "::",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "2001::1",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.8",
        "192.88.99.1",
        "198.18.0.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
        "id.example",
        "",
        "0x7f000001",
        "2130706433",
    ],
)
def test_others_may_not(address: str) -> None:
    assert not is_callable(address, allowed=(), loopback=False)


def test_an_operator_may_name_networks() -> None:
    allowed = [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8")]
    assert is_callable("10.1.2.3", allowed=allowed, loopback=False)
    assert is_callable("::ffff:10.1.2.3", allowed=allowed, loopback=False)
    assert is_callable("fd00::1", allowed=allowed, loopback=False)
    assert not is_callable("192.168.1.1", allowed=allowed, loopback=False)


def test_loopback_is_admitted_by_name_alone() -> None:
    for address in ("127.0.0.1", "::1", "::ffff:127.0.0.1"):
        assert is_callable(address, allowed=(), loopback=True)
    assert not is_callable("10.0.0.1", allowed=(), loopback=True)
