"""The connections to the store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from redis.asyncio import BlockingConnectionPool, Connection, Redis, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from sessiond_server.adapters.store.scripts.declaration import Lane
from sessiond_server.adapters.store.time_limits import TIMEOUT_SECONDS, TURN_SECONDS
from sessiond_server.domain.revocation import FOREVER_MS

_DEFAULT_PORT: Final = 6379
# Behind these a call waits its turn. Each partition is read by one script at a time, so that a few are enough
# for watching.
_CONNECTIONS: Final = {Lane.CALLS: 32, Lane.ENDING: 8, Lane.WATCHING: 4, Lane.REPLICATING: 2}
MAX_CONNECTIONS: Final = sum(_CONNECTIONS.values())
# Whoever watches has to know at once.
_TURN_SECONDS: Final = {
    Lane.CALLS: TURN_SECONDS,
    Lane.ENDING: TURN_SECONDS,
    Lane.WATCHING: TIMEOUT_SECONDS,
    Lane.REPLICATING: TIMEOUT_SECONDS,
}


@dataclass(frozen=True, slots=True, repr=False)
class StoreAddress:
    """Where the store is, how we show who we are, and what it is held to.

    `url` is `redis://`, `rediss://` or `unix://`, without credentials in it. So many replicas must have what
    it acknowledges, and so many entries the revocation logs of all partitions may have.
    """

    url: str
    username: str | None = None
    password: str | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    acknowledging_replicas: int = 0
    max_revocations: int = FOREVER_MS


def connect_lanes(address: StoreAddress) -> dict[Lane, Redis]:
    """A client for each lane, with connections of its own; close each with `aclose`."""
    return {lane: connect(address, lane=lane) for lane in Lane}


def connect(address: StoreAddress, *, lane: Lane = Lane.CALLS) -> Redis:
    """A client of the store, bounded in time and connections; close it with `aclose`.

    It never retries by itself: after a lost reply that would run a script a second time, which nobody asked
    for.
    """
    pool: BlockingConnectionPool = BlockingConnectionPool(
        max_connections=_CONNECTIONS[lane],
        timeout=_TURN_SECONDS[lane],
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        username=address.username,
        password=address.password,
        **_way_to(address),
    )
    return Redis.from_pool(pool)


def _way_to(address: StoreAddress) -> dict[str, Any]:
    url = urlsplit(address.url)
    if url.scheme == "unix":
        return {"connection_class": UnixDomainSocketConnection, "path": unquote(url.path)}
    way: dict[str, Any] = {
        "connection_class": Connection,
        "host": url.hostname or "127.0.0.1",
        "port": url.port or _DEFAULT_PORT,
        "db": int(url.path.strip("/") or 0),
        "socket_keepalive": True,
    }
    if url.scheme == "redis":
        return way
    return way | {
        "connection_class": SSLConnection,
        "ssl_cert_reqs": "required",
        "ssl_check_hostname": True,
        "ssl_ca_certs": _text(address.ca_file),
        "ssl_certfile": _text(address.cert_file),
        "ssl_keyfile": _text(address.key_file),
    }


def _text(path: Path | None) -> str | None:
    return str(path) if path else None
