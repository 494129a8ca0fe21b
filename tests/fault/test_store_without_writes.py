"""Servers on a store that takes no writes: they start, validate, and say what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessiond import AsyncClient, Session, UnavailableError
from sessiond_server.adapters.store.connection import StoreAddress, connect
from tests.support.server import running
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
async def test_validation_goes_on_and_servers_start_while_the_store_takes_no_writes(tmp_path: Path) -> None:
    async with running(tmp_path / "d", tmp_path / "1.log") as first, AsyncClient(first.grpc) as client:
        tokens = await client.create_local_session("alice")
        redis = connect(StoreAddress(f"unix://{first.data}/valkey.sock"))
        await redis.config_set("maxmemory", 1)
        async with (
            running(tmp_path / "d", tmp_path / "2.log", join=True) as second,
            AsyncClient(second.grpc) as other,
        ):
            # Nobody has written anything: the server itself has tried.
            remark = ["ready", "the store takes no writes: OOM"]

            async def is_seen() -> bool:
                return await second.page("/readyz") == (200, remark)

            await eventually(is_seen)
            assert "sessiond_store_takes_writes 0.0" in (await second.page("/metrics"))[1]
            assert isinstance(await other.validate(tokens.access_token), Session)
            with pytest.raises(UnavailableError):
                await other.refresh(tokens.refresh_token)
            with pytest.raises(UnavailableError):
                await client.create_local_session("bob")
            # A caller has met it: the first server knows without a try of its own.
            assert await first.page("/readyz") == (200, remark)
            for server in (first, second):
                told = await server.said(event="the store does not do as told")
                assert [(line["level"], line["kind"]) for line in told] == [("error", "OOM")]
                assert "not serving" not in server.events()[server.events().index("serving") :]
            await redis.config_set("maxmemory", 0)

            async def is_good_again() -> bool:
                return await second.page("/readyz") == (200, ["ready"])

            await eventually(is_good_again, timeout=15)
            assert "sessiond_store_takes_writes 1.0" in (await second.page("/metrics"))[1]
            assert (await other.refresh(tokens.refresh_token)).session.subject == "alice"
        await redis.aclose()


@pytest.mark.slow
async def test_a_server_whose_store_was_demoted_answers_no_longer_than_it_may(tmp_path: Path) -> None:
    """What is revoked in the store that took its place is not known here."""
    async with running(tmp_path / "d", tmp_path / "log") as server, AsyncClient(server.grpc) as client:
        tokens = await client.create_local_session("alice")
        redis = connect(StoreAddress(f"unix://{server.data}/valkey.sock"))
        await redis.execute_command("REPLICAOF", "127.0.0.1", "1")
        await server.said(event="the store that answers is a replica, which does not count")
        await server.said(event="not serving", reasons=["the store that answers is a replica"])
        with pytest.raises(UnavailableError):
            await client.validate(tokens.access_token)
        assert (await server.page("/readyz"))[0] == 503
        assert "sessiond_store_is_primary 0.0" in (await server.page("/metrics"))[1]
        await redis.execute_command("REPLICAOF", "NO", "ONE")

        async def is_good_again() -> bool:
            return (await server.page("/readyz"))[0] == 200

        await eventually(is_good_again)
        shown = (await server.page("/metrics"))[1]
        assert "sessiond_store_is_primary 1.0" in shown
        assert "sessiond_revocation_entries_behind 0.0" in shown
        assert "sessiond_revocation_max_staleness_seconds 1.0" in shown
        assert isinstance(await client.validate(tokens.access_token), Session)
        await redis.aclose()
