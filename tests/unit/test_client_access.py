"""To whom the Python client shows its caller's key."""

from __future__ import annotations

import pytest

from sessiond import AsyncClient, Client, Tls
from sessiond.access import is_local

LOCAL = [
    "unix:/run/sessiond/sessiond.sock",
    "unix:///run/sessiond/sessiond.sock",
    "unix-abstract:sessiond",
    "127.0.0.1:50051",
    "127.8.9.10:50051",
    "[::1]:50051",
    "localhost:50051",
    "localhost",
    "dns:///localhost:50051",
    "dns:127.0.0.1:50051",
    "ipv4:127.0.0.1:50051",
    "ipv6:[::1]:50051",
]
ELSEWHERE = [
    "sessiond.internal:50051",
    "10.0.0.7:50051",
    "0.0.0.0:50051",
    "[::]:50051",
    "[2001:db8::1]:50051",
    "127.0.0.1.example.com:50051",
    "localhost.example.com:50051",
    "dns:///sessiond.internal:50051",
    "dns://127.0.0.1/sessiond.internal:50051",
    "ipv4:127.0.0.1:50051,10.0.0.7:50051",
    "xds:///127.0.0.1:50051",
    "vsock:2:50051",
    "user@127.0.0.1:50051",
    "127.0.0.1:50051@sessiond.internal:1",
    "",
]


@pytest.mark.parametrize("target", LOCAL)
def test_a_key_is_shown_on_this_machine(target: str) -> None:
    assert is_local(target)


@pytest.mark.parametrize("client", [AsyncClient, Client])
@pytest.mark.parametrize("target", ELSEWHERE)
async def test_a_key_is_not_sent_in_clear_beyond_this_machine(
    target: str, client: type[AsyncClient | Client]
) -> None:
    for key in ("k3y", lambda: "k3y"):
        with pytest.raises(ValueError, match="allow_plaintext=True") as refused:
            client(target, key=key)
        assert "k3y" not in str(refused.value)


@pytest.mark.parametrize("client", [AsyncClient, Client])
async def test_it_is_where_one_says_so_or_has_tls_or_no_key(client: type[AsyncClient | Client]) -> None:
    for made in (
        client("sessiond.internal:1", key="secret", allow_plaintext=True),
        client("sessiond.internal:1", key="secret", tls=Tls()),
        client("sessiond.internal:1"),
        client("127.0.0.1:1", key="secret"),
    ):
        closed = made.close()
        if closed is not None:
            await closed
