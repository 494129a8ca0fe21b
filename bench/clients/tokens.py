"""Tokens for the programs that measure clients."""

from __future__ import annotations

import asyncio
import json
from enum import Enum
from typing import TYPE_CHECKING, Final
from urllib.request import urlopen

from sessiond import AsyncClient, Tokens, UnavailableError

if TYPE_CHECKING:
    from pathlib import Path

    from bench.servers import Sessiond

_AT_ONCE: Final = 64
_TIMEOUT: Final = 10.0
_SCOPES_OF_A_LONG_ONE: Final = tuple(f"scope:{number:04}" for number in range(20))


class Kind(Enum):
    """What tokens are asked about in turn: how they are called, how many, and with which scopes."""

    OWN = ("as the local issuer's are", 1, ())
    LONG = ("as long as a provider's", 1, _SCOPES_OF_A_LONG_ONE)
    MANY = ("among 10,000", 10_000, ())

    def __init__(self, title: str, count: int, scopes: tuple[str, ...]) -> None:
        self.title, self.count, self.scopes = title, count, scopes


async def make(server: Sessiond, kind: Kind, count: int, to: Path) -> Path:
    """Open so many sessions, each of a subject of its own, and write their tokens to a file."""
    tokens: list[str] = []
    async with AsyncClient(server.target.address, timeout=_TIMEOUT, cache=None) as client:
        while len(tokens) < count:
            numbers = range(len(tokens), min(count, len(tokens) + _AT_ONCE))
            logins = [client.create_local_session(f"user{n}", scopes=kind.scopes) for n in numbers]
            found = await asyncio.gather(*logins, return_exceptions=True)
            tokens += [login.access_token for login in map(_unless_unavailable, found) if login]
    key = await asyncio.to_thread(_key, server.key_set)
    given = {"issuer": server.issuer, "jwk": key, "tokens": tokens}
    await asyncio.to_thread(to.write_text, json.dumps(given))
    return to


def _unless_unavailable(login: Tokens | BaseException) -> Tokens | None:
    """A server whose machine has much else to do is unavailable at times."""
    if isinstance(login, UnavailableError):
        return None
    if isinstance(login, BaseException):
        raise login
    return login


def _key(key_set: str) -> dict[str, str]:
    """The issuer's one key."""
    with urlopen(key_set, timeout=_TIMEOUT) as answer:  # noqa: S310 - the server's own address
        keys: list[dict[str, str]] = json.load(answer)["keys"]
    return keys[0]
