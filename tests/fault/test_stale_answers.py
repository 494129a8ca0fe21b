"""A server whose operator chose to accept tokens while the store does not answer, and says so."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import aiohttp
import pytest

from sessiond import FULLY_CONSISTENT, AsyncClient, Session, UnavailableError
from tests.support.config import Config
from tests.support.server import ISSUER, serving
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
async def test_tokens_are_accepted_without_the_store_and_every_answer_says_so(tmp_path: Path) -> None:
    config = Config(tmp_path, issuers=[{"issuer": ISSUER, "preset": "local", "audiences": ["app"]}])
    config.tables["server"] = {"anonymous": ["validate", "mint"]}
    config.tables["revocation"] = {"on_stale": "accept_what_may_be_revoked"}
    async with (
        serving(config.write(), config.data, tmp_path / "log") as server,
        AsyncClient(server.grpc, timeout=5, cache=None) as client,
        aiohttp.ClientSession(f"http://{server.http}") as web,
    ):
        token = (await client.create_local_session("alice")).access_token
        fresh = await client.validate(token)
        assert isinstance(fresh, Session)
        assert not fresh.stale
        assert server.store_pid
        os.kill(server.store_pid, signal.SIGSTOP)
        try:

            async def is_stale() -> bool:
                found = await client.validate(token)
                assert isinstance(found, Session)
                assert found.cache_for is None or not found.stale
                return found.stale

            await eventually(is_stale)
            with pytest.raises(UnavailableError, match="REVOCATION_VIEW_STALE"):
                await client.validate(token, consistency=FULLY_CONSISTENT)
            async with web.get("/readyz") as answer:
                assert (answer.status, "may have been revoked" in await answer.text()) == (200, True)
        finally:
            os.kill(server.store_pid, signal.SIGCONT)

        async def is_fresh() -> bool:
            found = await client.validate(token)
            return isinstance(found, Session) and not found.stale

        await eventually(is_fresh)
