"""The Python clients' cache against the real server: what is ended anywhere is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessiond import AsyncClient, Client, Rejection, Session
from tests.support.either_client import EitherClient
from tests.support.server import ISSUER
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from sessiond import Tokens
    from tests.support.server import Server

REVOKE: dict[str, Callable[[Any, Tokens], Any]] = {
    "session": lambda client, tokens: client.revoke_session(tokens.session.session_id),
    "refresh token": lambda client, tokens: client.revoke_refresh_token(tokens.refresh_token),
    "access token": lambda client, tokens: client.revoke_access_token(tokens.access_token),
    "subject": lambda client, tokens: client.revoke_subject(ISSUER, tokens.session.subject),
}


@pytest.fixture(params=[AsyncClient, Client])
async def cached(request: pytest.FixtureRequest, server: Server) -> AsyncIterator[EitherClient]:
    client = EitherClient(request.param(server.grpc, key=server.key, timeout=5))
    await client.validate("garbage")
    await eventually(lambda: client.client.numbers.watch_age is not None)
    yield client
    await client.shut()


@pytest.mark.parametrize("target", REVOKE)
async def test_what_this_client_ends_is_refused_by_its_next_call(cached: EitherClient, target: str) -> None:
    tokens = await cached.create_local_session(f"own {target}")
    assert isinstance(await cached.validate(tokens.access_token), Session)
    await REVOKE[target](cached, tokens)
    assert isinstance(await cached.validate(tokens.access_token), Rejection)


@pytest.mark.parametrize("target", REVOKE)
async def test_what_another_client_ends_is_refused_here(
    cached: EitherClient, client: AsyncClient, target: str
) -> None:
    tokens = await client.create_local_session(f"other {target}")

    async def is_kept() -> bool:
        before = cached.client.numbers.hits
        assert isinstance(await cached.validate(tokens.access_token), Session)
        return cached.client.numbers.hits > before

    await eventually(is_kept)
    await REVOKE[target](client, tokens)

    async def is_refused() -> bool:
        return isinstance(await cached.validate(tokens.access_token), Rejection)

    await eventually(is_refused)
