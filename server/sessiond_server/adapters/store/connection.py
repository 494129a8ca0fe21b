"""The connections to the nodes of the store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ssl import SSLContext
from typing import Any, Final

from redis.asyncio import BlockingConnectionPool, Connection, Redis, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider
from typing_extensions import override

from sessiond_server.adapters.store.scripts.declaration import Lane
from sessiond_server.adapters.store.time_limits import TIMEOUT_SECONDS, TURN_SECONDS
from sessiond_server.domain.address import Address
from sessiond_server.domain.revocation import FOREVER_MS
from sessiond_server.domain.store_url import StoreUrl

# Behind these a call waits its turn. Each partition is read by one script at a time, so that a few are enough
# for watching.
_CONNECTIONS: Final = {Lane.CALLS: 32, Lane.ENDING: 8, Lane.WATCHING: 4, Lane.REPLICATING: 2, Lane.AUDIT: 1}
MAX_CONNECTIONS_OF_A_NODE: Final = sum(_CONNECTIONS.values())
# Whoever watches has to know at once.
_TURN_SECONDS: Final = {
    Lane.CALLS: TURN_SECONDS,
    Lane.ENDING: TURN_SECONDS,
    Lane.WATCHING: TIMEOUT_SECONDS,
    Lane.REPLICATING: TIMEOUT_SECONDS,
    Lane.AUDIT: TIMEOUT_SECONDS,
}


@dataclass(frozen=True, slots=True, repr=False)
class Identity:
    """How we show who we are; what `password` gives may change, and counts for new connections."""

    username: str | None = None
    password: Callable[[], str | None] = lambda: None


@dataclass(frozen=True, slots=True, repr=False)
class StoreAddress:
    """Where the store is, how we show who we are, and what it is held to.

    `url` is one that `StoreUrl` can read. `tls` gives what each new connection is made with, where the URL is
    one with TLS. So many replicas must have what the store acknowledges, and so many entries the revocation
    logs of all partitions may have.
    """

    url: str
    identity: Identity = Identity()
    sentinel_identity: Identity = Identity()
    tls: Callable[[], SSLContext] | None = None
    acknowledging_replicas: int = 0
    max_revocations: int = FOREVER_MS


class Node:
    """One server, with connections of its own for each lane."""

    def __init__(self, address: StoreAddress, at: Address) -> None:
        self.at = at
        self._clients = {lane: connect(address, lane=lane, at=at) for lane in Lane}

    def client(self, lane: Lane) -> Redis:
        """The connections of a lane."""
        return self._clients[lane]

    async def aclose(self) -> None:
        """Close its connections; what waits for an answer over one of them fails."""
        for client in self._clients.values():
            await client.aclose()


def connect(address: StoreAddress, *, lane: Lane = Lane.CALLS, at: Address | None = None) -> Redis:
    """A client of the store's node `at`, or of the one that is named; close it with `aclose`.

    It is bounded in time and connections. It never retries by itself: after a lost reply that would run a
    script a second time, which nobody asked for.
    """
    url = StoreUrl.parse(address.url)
    pool = _Pool(
        max_connections=_CONNECTIONS[lane],
        timeout=_TURN_SECONDS[lane],
        **_bounded(address.identity),
        **(_over_a_socket(url) if url.path else _over_the_network(address, url, at or url.nodes[0])),
    )
    return Redis.from_pool(pool)


def connect_to_sentinel(address: StoreAddress, at: Address) -> Redis:
    """A client of a sentinel, which is asked seldom and by one call at a time."""
    url = StoreUrl.parse(address.url)
    way = _over_the_network(address, url, at) | {"db": 0, "decode_responses": True}
    pool = _Pool(max_connections=1, timeout=TIMEOUT_SECONDS, **_bounded(address.sentinel_identity), **way)
    return Redis.from_pool(pool)


class _Pool(BlockingConnectionPool):
    """A pool that gives a connection that is open where it has one.

    Where a password was replaced by a wrong one, no new connection comes about, and those that are open go
    on: the pool by itself would give the one again that has just failed.
    """

    @override
    async def release(self, connection: AbstractConnection) -> None:
        await super().release(connection)
        idle: list[AbstractConnection] = self._available_connections
        if not connection.is_connected and connection in idle:
            idle.remove(connection)
            idle.insert(0, connection)


class _Credentials(CredentialProvider):
    """Asks for the password whenever a connection is opened."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    @override
    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        username, password = self._identity.username, self._identity.password() or ""
        return (username, password) if username else (password,)

    @override
    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        return self.get_credentials()


class _TlsConnection(SSLConnection):
    """A connection that is made with the certificates of the moment."""

    def __init__(self, *, tls: Callable[[], SSLContext], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._tls = tls

    @override
    def _connection_arguments(self) -> dict[str, Any]:
        # What redis-py would make of files is made once for each connection object, and kept.
        return {"host": self.host, "port": self.port, "ssl": self._tls()}


def _bounded(identity: Identity) -> dict[str, Any]:
    has_credentials = identity.username or identity.password()
    return {
        "socket_timeout": TIMEOUT_SECONDS,
        "socket_connect_timeout": TIMEOUT_SECONDS,
        "retry": Retry(NoBackoff(), 0),
        "credential_provider": _Credentials(identity) if has_credentials else None,
    }


def _over_a_socket(url: StoreUrl) -> dict[str, Any]:
    return {"connection_class": UnixDomainSocketConnection, "path": url.path}


def _over_the_network(address: StoreAddress, url: StoreUrl, at: Address) -> dict[str, Any]:
    way = {"host": at.host, "port": at.port, "db": url.database, "socket_keepalive": True}
    if not url.is_tls:
        return way | {"connection_class": Connection}
    if address.tls is None:
        raise ValueError("there is no TLS without certificates")
    return way | {"connection_class": _TlsConnection, "tls": address.tls}
