"""A real server whose store is a primary that sentinels watch, and that dies (fault row 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessiond import AsyncClient, Rejection, Session, UnavailableError
from tests.support.local_issuer import on_store
from tests.support.redis_clusters import running_watchers
from tests.support.server import serving
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from sessiond import Tokens

NAMED = "sentinels name the primary"
FAILOVER_SECONDS = 40
pytestmark = pytest.mark.xdist_group("sentinels")


async def test_the_same_tokens_go_on_behind_the_death_of_the_primary(tmp_path: Path) -> None:
    async with running_watchers(tmp_path / "store") as watchers:
        config = on_store(tmp_path, watchers.url).write()
        async with (
            serving(config, config.parent, tmp_path / "log") as server,
            AsyncClient(server.grpc) as client,
        ):
            tokens = await client.create_local_session("alice", client_id="web")
            ended = await client.create_local_session("bob", client_id="web")
            await client.revoke_refresh_token(ended.refresh_token)
            (first,) = await server.said(event=NAMED)
            await (await watchers.primary()).kill()

            async def refreshed() -> Tokens | None:
                try:
                    return await client.refresh(tokens.refresh_token, timeout=2)
                except UnavailableError:
                    return None

            successor = await eventually(refreshed, timeout=FAILOVER_SECONDS)

            async def is_accepted() -> bool:
                try:
                    return isinstance(await client.validate(successor.access_token), Session)
                except UnavailableError:
                    return False

            await eventually(is_accepted, timeout=FAILOVER_SECONDS)
            # What was acknowledged is not lost: neither the end of a session nor the rotation of a token.
            verdict = await client.validate(ended.access_token)
            assert isinstance(verdict, Rejection)
            assert verdict.reason == "REVOKED"
            assert (await client.refresh(successor.refresh_token)).refresh_token
            before, behind = await server.said(event=NAMED)
            assert (before, behind["former"]) == (first, first["primary"])
