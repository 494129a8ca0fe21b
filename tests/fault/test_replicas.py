"""A real server on a store with a replica that takes the primary's place, which nobody tells the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessiond import AsyncClient, Session, UnavailableError
from tests.support.local_issuer import on_store
from tests.support.server import serving
from tests.support.valkeys import running_valkeys
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
async def test_a_server_ceases_to_answer_once_its_primary_was_replaced(tmp_path: Path) -> None:
    async with running_valkeys(tmp_path / "store", 2) as (primary, replica):
        config = on_store(tmp_path, primary.url).write()
        async with (
            serving(config, config.parent, tmp_path / "log") as server,
            AsyncClient(server.grpc) as client,
        ):
            tokens = await client.create_local_session("alice", client_id="web")
            assert isinstance(await client.validate(tokens.access_token), Session)
            await replica.promote()

            async def is_refused() -> bool:
                try:
                    await client.validate(tokens.access_token)
                except UnavailableError:
                    return True
                return False

            await eventually(is_refused, timeout=10)
            (reason,) = (await server.said(event="not serving"))[-1]["reasons"]
            assert reason == "no replica acknowledges writes: one may have taken the store's place"
            await replica.copy_from(primary.port)
            await server.said(event="a replica acknowledges writes again")

            async def is_accepted() -> bool:
                return not await is_refused()

            await eventually(is_accepted)
