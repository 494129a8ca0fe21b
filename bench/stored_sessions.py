"""How many bytes of a store's memory a session takes, with and without a provider's tokens."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
import time
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Final

from bench.table import Row
from sessiond_server.domain.session import Device
from sessiond_server.service.storage.sessions import ProviderTokens
from tests.support.store import RULES, connected
from tests.support.valkeys import Valkey, free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessiond_server.domain.refresh_token import RefreshToken
    from sessiond_server.service.storage.sessions import SessionRules
    from tests.support.store import Store

_COUNT: Final = 100_000
_AT_ONCE: Final = 32
_SAMPLE: Final = 500
# As Auth0 and Scalekit give them out: an opaque refresh token, and an access token of RS256.
_REFRESH_TOKEN_CHARACTERS: Final = 64
_ACCESS_TOKEN_CHARACTERS: Final = 900
_ACCESS_LIFE_MS: Final = 3_600_000


async def stored() -> list[Row]:
    """Each subject has one session, so that the index of a subject's sessions is counted at its dearest."""
    rows = []
    for name, has_tokens in (("local session", False), ("provider's session", True)):
        with tempfile.TemporaryDirectory(prefix="bench-") as directory:
            async with running(Path(directory)) as store:
                rows += await _measured(store, name, has_tokens=has_tokens)
    return rows


@asynccontextmanager
async def running(directory: Path, *, rules: SessionRules = RULES) -> AsyncIterator[Store]:
    """A store for as long as the context lasts, on a Valkey that has nothing else."""
    valkey = Valkey(directory, free_port())
    await valkey.start()
    try:
        yield connected(valkey.redis, rules=rules)
    finally:
        await valkey.close()


async def _measured(store: Store, name: str, *, has_tokens: bool) -> list[Row]:
    await _open(store, 0, has_tokens=has_tokens)
    before = await _used(store)
    turn = asyncio.Semaphore(_AT_ONCE)

    async def one(number: int) -> RefreshToken:
        async with turn:
            return await _open(store, number, has_tokens=has_tokens)

    opened = []
    for first in range(1, _COUNT + 1, _SAMPLE):
        opened += await asyncio.gather(*map(one, range(first, first + _SAMPLE)))
    used = (await _used(store) - before) / _COUNT
    sample = list(enumerate(opened, start=1))[:: _COUNT // _SAMPLE]
    kinds = {
        "its record": [store.record_key(token.session) for _, token in sample],
        "its subject's index": [store.index_key(_subject(number)) for number, _ in sample],
    }
    if has_tokens:
        for what, letter in (("the provider's refresh token", "r"), ("the provider's access token", "a")):
            kinds[what] = [store.provider_key(letter, token.session) for _, token in sample]
    rows = [Row(f"{name}: memory of the store", used, "bytes")]
    for what, keys in kinds.items():
        rows.append(Row(f"{name}: {what}, key included", await _usage(store, keys), "bytes"))
    return rows


async def _open(store: Store, number: int, *, has_tokens: bool) -> RefreshToken:
    """One session, of a login as there are many; what a provider gave is sealed, whatever its text."""
    provider_session = f"ses_{secrets.token_hex(8)}" if has_tokens else None
    given = ProviderTokens(
        secrets.token_hex(_ACCESS_TOKEN_CHARACTERS // 2),
        int(time.time() * 1000) + _ACCESS_LIFE_MS,
        secrets.token_hex(8),
        provider_session,
        secrets.token_hex(_REFRESH_TOKEN_CHARACTERS // 2),
    )
    token, _ = await store.create(
        _subject(number),
        tokens=given if has_tokens else None,
        provider_session=provider_session,
        tenant_id="org_1234567890",
        audiences=("api",),
        scopes=("orders:read", "orders:write"),
        auth_time=int(time.time()),
        amr=("pwd", "otp"),
        device=Device(
            ip_address="203.0.113.7", user_agent="Mozilla/5.0 (X11; Linux x86_64)", label="browser"
        ),
    )
    return token


def _subject(number: int) -> str:
    return f"usr_{number:016d}"


async def _used(store: Store) -> int:
    return int((await store.redis.info("memory"))["used_memory"])


async def _usage(store: Store, keys: list[str]) -> float:
    """What the keys take with their values, in the mean, as the store reckons it."""
    return mean([await store.redis.memory_usage(key, samples=0) or 0 for key in keys])
