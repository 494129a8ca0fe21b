"""The URL of a store: its kinds, and what is told of a wrong one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sessiond_server.domain.address import Address
from sessiond_server.domain.store_url import StoreKind, StoreUrl, StoreUrlError, socket_url


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "redis://127.0.0.1",
            {"kind": StoreKind.NODE, "nodes": (Address("127.0.0.1", 6379),), "database": 0},
        ),
        ("redis://[::1]:7000/3", {"nodes": (Address("::1", 7000),), "database": 3, "is_tls": False}),
        ("rediss://db.example:6380/1", {"nodes": (Address("db.example", 6380),), "is_tls": True}),
        ("unix:///run/a%20b.sock", {"kind": StoreKind.NODE, "nodes": (), "path": "/run/a b.sock"}),
        (
            "redis+sentinel://a:1,b,[::1]:2/sessions-1",
            {
                "kind": StoreKind.SENTINEL,
                "nodes": (Address("a", 1), Address("b", 26379), Address("::1", 2)),
                "primary_name": "sessions-1",
                "is_tls": False,
            },
        ),
        ("rediss+sentinel://a/x", {"kind": StoreKind.SENTINEL, "is_tls": True}),
        (
            "redis+cluster://a:1,b",
            {"kind": StoreKind.CLUSTER, "nodes": (Address("a", 1), Address("b", 6379)), "is_tls": False},
        ),
        ("rediss+cluster://a/", {"kind": StoreKind.CLUSTER, "is_tls": True}),
    ],
)
def test_a_url_names_where_the_store_is(text: str, expected: dict[str, Any]) -> None:
    url = StoreUrl.parse(text)
    assert {name: getattr(url, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("mysql://db", 'the scheme "mysql"'),
        ("redis:db", 'the scheme "redis"'),
        ("127.0.0.1", 'the scheme "127.0.0.1"'),
        ("redis://", 'the address ""'),
        ("redis://h:", 'the address "h:"'),
        ("redis://h:0", 'the address "h:0"'),
        ("redis://h:65536", 'the address "h:65536"'),
        ("redis://h:x", 'the address "h:x"'),
        ("redis://::1", 'the address "::1"'),
        ("redis://h/abc", 'the database "abc"'),
        ("redis://a,b", "2 addresses of one node"),
        ("redis+sentinel://a,b", 'the primary\'s name ""'),
        ("redis+sentinel://a,b/", 'the primary\'s name ""'),
        ("redis+sentinel://a/b/c", 'the primary\'s name "b/c"'),
        ("redis+sentinel://a,,b/x", 'the address ""'),
        ("redis+cluster://a,b/1", 'the database "1" of a cluster, which has one'),
        ("redis+cluster://" + ",".join(f"h{n}" for n in range(33)), "33 addresses"),
        ("rediss+cluster://a?x=1", "options in the address"),
        ("redis://a#b", "options in the address"),
        ("unix://", "no path"),
        ("unix:///", "no path"),
        ("unix://run/x", 'the host "run"'),
        ("redis://" + "a" * 100 + ":x", "the address 102 characters"),
    ],
)
def test_a_wrong_url_is_told_with_what_was_found(text: str, found: str) -> None:
    with pytest.raises(StoreUrlError) as refused:
        StoreUrl.parse(text)
    assert refused.value.found == found
    assert refused.value.allowed


@pytest.mark.parametrize("scheme", ["redis", "rediss", "redis+sentinel", "redis+cluster", "unix"])
def test_a_password_in_a_url_is_refused_and_not_repeated(scheme: str) -> None:
    with pytest.raises(StoreUrlError, match=r"store\.password_file") as refused:
        StoreUrl.parse(f"{scheme}://user:s3cr3t@h/x")
    assert "s3cr3t" not in str(refused.value)


def test_a_socket_may_have_any_path() -> None:
    for path in ("/run/a#b?c %41@ü.sock", "/x"):
        assert StoreUrl.parse(socket_url(Path(path))).path == path


def test_a_store_is_local_where_every_node_is() -> None:
    assert StoreUrl.parse("redis+cluster://127.0.0.1,localhost,[::1]").is_local
    assert not StoreUrl.parse("redis+cluster://127.0.0.1,db.example").is_local
    assert StoreUrl.parse("unix:///x").is_local
