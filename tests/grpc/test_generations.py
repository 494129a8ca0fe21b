"""Generations at and beyond the last one, as whoever has a pepper could make them."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sessiond import AsyncClient, RefreshRefusedError
from sessiond_server.adapters.store.connection import StoreAddress, connect
from sessiond_server.domain.refresh_token import MAX_GENERATION, Peppers, RefreshToken
from tests.support.store import connected

if TYPE_CHECKING:
    from tests.support.server import Server


async def opened(client: AsyncClient, server: Server) -> RefreshToken:
    pepper = base64.b64decode((server.data / "pepper").read_text())
    token = Peppers([pepper]).recognise((await client.create_local_session("alice")).refresh_token)
    assert isinstance(token, RefreshToken)
    return token


async def refusal(client: AsyncClient, token: RefreshToken) -> str:
    with pytest.raises(RefreshRefusedError) as refused:
        await client.refresh(token.reveal())
    return refused.value.reason


@pytest.mark.parametrize("generation", [MAX_GENERATION, MAX_GENERATION + 1, 2**32 - 1])
async def test_a_generation_that_was_never_given_out_opens_and_ends_nothing(
    client: AsyncClient, server: Server, generation: int
) -> None:
    token = await opened(client, server)
    assert await refusal(client, replace(token, generation=generation)) == "REFRESH_TOKEN_INVALID"
    assert (await client.refresh(token.reveal())).refresh_token


@pytest.mark.parametrize("generation", [MAX_GENERATION + 1, 2**32 - 1])
async def test_what_is_beyond_the_last_generation_is_no_token_to_revoke_by(
    client: AsyncClient, server: Server, generation: int
) -> None:
    token = replace(await opened(client, server), generation=generation)
    assert (await client.revoke_refresh_token(token.reveal())).sessions_ended == 0


async def test_a_session_at_the_last_generation_has_reached_its_longest_life(
    client: AsyncClient, server: Server
) -> None:
    token = await opened(client, server)
    redis = connect(StoreAddress(f"unix://{server.data}/valkey.sock"))
    await connected(redis).change(token.session, generation=MAX_GENERATION)
    await redis.aclose()
    last = replace(token, generation=MAX_GENERATION)
    assert await refusal(client, last) == "SESSION_LIFETIME_EXCEEDED"
    assert await refusal(client, last) == "SESSION_REVOKED"
