"""A store that has lost its revocations, while a server that knows them lives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest

from sessiond import AsyncClient, Reason, Rejection
from sessiond_server.adapters.store.connection import StoreAddress, connect
from tests.support.server import running

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
async def test_a_revocation_that_the_store_has_lost_comes_back_from_a_server(tmp_path: Path) -> None:
    async with running(tmp_path / "d", tmp_path / "1.log") as survivor, AsyncClient(survivor.grpc) as client:
        tokens = await client.create_local_session("alice")
        await client.revoke_access_token(tokens.access_token)
        redis = connect(StoreAddress(f"unix://{survivor.data}/valkey.sock"))
        await redis.flushall()
        await redis.aclose()
        await survivor.said(event="lost revocations were written again", count=1)
        async with (
            running(tmp_path / "d", tmp_path / "2.log", join=True) as newcomer,
            AsyncClient(newcomer.grpc) as other,
        ):
            for one in (client, other):
                verdict = await one.validate(tokens.access_token)
                assert isinstance(verdict, Rejection)
                assert verdict.reason is Reason.REVOKED
        async with aiohttp.ClientSession() as web:
            shown = await (await web.get(f"http://{survivor.http}/metrics")).text()
        for line in (
            'sessiond_revocation_resyncs_total{why="INCARNATION"} 1.0',
            "sessiond_revocation_regressions_total 1.0",
            "sessiond_revocation_reassertions_total 1.0",
        ):
            assert line in shown.splitlines()
