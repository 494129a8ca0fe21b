"""The connection to the store, and the scripts that run there."""

from __future__ import annotations

import hashlib
import importlib.resources
import os
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from redis.asyncio import BlockingConnectionPool, Connection, Redis, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoPermissionError, NoScriptError, RedisError, ResponseError

from sessiond_server.adapters.store.record import lua_codec
from sessiond_server.domain.failures import StoreUnavailableError
from sessiond_server.domain.revocation import Position, Revocation
from sessiond_server.service.log import Log
from sessiond_server.service.session_store import Logged

_DEFAULT_PORT: Final = 6379
_TIMEOUT_SECONDS: Final = 0.25
_MAX_CONNECTIONS: Final = 32
_INCARNATION_BYTES: Final = 16
_MILLISECONDS_PER_SECOND: Final = 1000
_SCRIPT_LINE: Final = re.compile(r"user_script:(\d+)")


@dataclass(frozen=True, slots=True, repr=False)
class StoreAddress:
    """Where the store is, and how we show who we are: `redis://`, `rediss://` or `unix://`, without credentials in it."""

    url: str
    username: str | None = None
    password: str | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None


def connect(address: StoreAddress) -> Redis:
    """A client of the store, bounded in time and connections; to be closed with `aclose`.

    It never retries by itself: after a lost reply that would run a script a second time unasked.
    """
    pool: BlockingConnectionPool = BlockingConnectionPool(
        max_connections=_MAX_CONNECTIONS,
        timeout=_TIMEOUT_SECONDS,
        socket_timeout=_TIMEOUT_SECONDS,
        socket_connect_timeout=_TIMEOUT_SECONDS,
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


class Scripts:
    """Runs the scripts of this package.

    Every script is one atomic step and safe to repeat. Cancelling a call drops its connection, while the script still runs.
    `observe` gets the name of each script and the seconds that it took.
    """

    def __init__(
        self,
        client: Redis,
        *,
        observe: Callable[[str, float], None],
        log: Log,
        randomness: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._client = client
        # redis-py leaves this one method without types.
        self._command: Callable[..., Awaitable[Any]] = client.execute_command
        self._observe = observe
        self._log = log
        self._randomness = randomness
        self._sources = _load()
        self._digests = {name: hashlib.sha1(source, usedforsecurity=False).hexdigest() for name, source in self._sources.items()}

    async def run(self, name: str, partition: int, *arguments: bytes | str | int, keys: Sequence[str] = ()) -> Any:
        """What the script answers; `keys` are names within the partition.

        Raises:
            StoreUnavailableError: the store did not answer in time; the script may or may not have run.
        """
        all_keys = [_key(partition, key) for key in ("head", "log", "marks", "marks:x", "changed", *keys)]
        parameters = (len(all_keys), *all_keys, self._randomness(_INCARNATION_BYTES), *arguments)
        started = time.perf_counter()
        try:
            return await self._evaluate(name, parameters)
        except ResponseError as error:
            # Its text may quote arguments; where in which script it happened is enough.
            self._log.error("the store refused a script", script=name, line=_line_of(error))
            raise StoreUnavailableError from error
        except (RedisError, OSError, TimeoutError) as error:
            raise StoreUnavailableError from error
        finally:
            self._observe(name, time.perf_counter() - started)

    async def information(self, section: str) -> dict[str, Any]:
        """A section of what the store says of itself, nothing where our user may not ask; raises `StoreUnavailableError`."""
        try:
            found: dict[str, Any] = await self._client.info(section)
        except NoPermissionError:
            return {}
        except (RedisError, OSError, TimeoutError) as error:
            raise StoreUnavailableError from error
        return found

    async def now_ms(self) -> int:
        """The store's clock in milliseconds since 1970; raises `StoreUnavailableError`."""
        try:
            seconds, microseconds = await self._client.time()
        except (RedisError, OSError, TimeoutError) as error:
            raise StoreUnavailableError from error
        return int(seconds) * _MILLISECONDS_PER_SECOND + int(microseconds) // _MILLISECONDS_PER_SECOND

    async def _evaluate(self, name: str, parameters: tuple[Any, ...]) -> Any:
        try:
            return await self._command("EVALSHA", self._digests[name], *parameters)
        except NoScriptError:
            return await self._command("EVAL", self._sources[name], *parameters)


def to_logged(reply: Sequence[Any], *, partition: int) -> Logged:
    """What a script says of the log: the entries that it appended, and where the log ends behind them."""
    entries, incarnation, number, tag = reply
    return Logged(tuple(map(Revocation.unpack, entries)), Position(incarnation, partition, number, tag.decode()))


def _key(partition: int, name: str) -> str:
    # The braces are the hash tag that keeps a partition in one slot of a cluster.
    return f"{{p{partition}}}{name}"


def _line_of(error: ResponseError) -> int | None:
    found = _SCRIPT_LINE.search(str(error))
    return int(found[1]) if found else None


def _load() -> dict[str, bytes]:
    folder = importlib.resources.files(__package__) / "scripts"
    sources = {file.name.removesuffix(".lua"): file.read_text() for file in folder.iterdir() if file.name.endswith(".lua")}
    prelude = lua_codec() + sources.pop("prelude")
    return {name: f"{prelude}\n{source}".encode() for name, source in sources.items()}
