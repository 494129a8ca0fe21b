"""Servers on a store that takes no writes: they start, validate, and say what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest

from sessiond import AsyncClient, Session, UnavailableError
from sessiond_server.adapters.store.connection import StoreAddress, connect
from tests.support.server import Server, running
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path


async def page(server: Server, path: str) -> tuple[int, list[str]]:
    async with aiohttp.ClientSession() as web, web.get(f"http://{server.http}{path}") as answer:
        return answer.status, (await answer.text()).splitlines()


@pytest.mark.parametrize(
    ("kind", "begin", "end"),
    [
        ("OOM", ("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")),
        ("READONLY", ("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),
    ],
)
async def test_validation_goes_on_and_servers_start_while_the_store_takes_no_writes(
    tmp_path: Path, kind: str, begin: tuple[str, ...], end: tuple[str, ...]
) -> None:
    async with running(tmp_path / "d", tmp_path / "1.log") as first, AsyncClient(first.grpc) as client:
        tokens = await client.create_local_session("alice")
        redis = connect(StoreAddress(f"unix://{first.data}/valkey.sock"))
        await redis.execute_command(*begin)
        async with (
            running(tmp_path / "d", tmp_path / "2.log", join=True) as second,
            AsyncClient(second.grpc) as other,
        ):
            # Nobody has written anything: the server itself has tried.
            remark = ["ready", f"the store takes no writes: {kind}"]

            async def is_seen() -> bool:
                return await page(second, "/readyz") == (200, remark)

            await eventually(is_seen)
            assert "sessiond_store_takes_writes 0.0" in (await page(second, "/metrics"))[1]
            assert isinstance(await other.validate(tokens.access_token), Session)
            with pytest.raises(UnavailableError):
                await other.refresh(tokens.refresh_token)
            with pytest.raises(UnavailableError):
                await client.create_local_session("bob")
            # A caller has met it: the first server knows without a try of its own.
            assert await page(first, "/readyz") == (200, remark)
            for server in (first, second):
                told = await server.said(event="the store does not do as told")
                assert [(line["level"], line["kind"]) for line in told] == [("error", kind)]
                assert "not serving" not in server.events()[server.events().index("serving") :]
            await redis.execute_command(*end)

            async def is_good_again() -> bool:
                return await page(second, "/readyz") == (200, ["ready"])

            await eventually(is_good_again, timeout=15)
            assert "sessiond_store_takes_writes 1.0" in (await page(second, "/metrics"))[1]
            assert (await other.refresh(tokens.refresh_token)).session.subject == "alice"
        await redis.aclose()
