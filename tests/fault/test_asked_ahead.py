"""A server that asks its provider ahead of need: the refresh that follows need not wait for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sessiond_server.adapters.embedded.store import embedded_store
from tests.support.fakes import SilentLogger
from tests.support.store import be_patient
from tests.support.unlistened import Unlistened, unlistened
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Unlistened]:
    """Each access token is exchanged as soon as may be: it lives for less than ten minutes."""
    be_patient(monkeypatch)
    settings = {"refresh_ahead": "10m", "reuse_access_token_above": "60s", "grace": "0s"}
    async with (
        embedded_store(tmp_path / "d", logger=SilentLogger()) as store,
        unlistened(tmp_path, f"unix://{store.socket_path}", **settings) as found,
    ):
        keeping_up = asyncio.create_task(found.app.ahead.keep_up())
        yield found
        keeping_up.cancel()
        await asyncio.gather(keeping_up, return_exceptions=True)


async def exchanged(server: Unlistened, times: int) -> None:
    """The provider was asked so often in all, and what came of it is stored."""

    def outcomes() -> list[str]:
        return [outcome for _, outcome in server.telemetry.of("exchanged_ahead")]

    await eventually(lambda: len(outcomes()) == times)
    assert set(outcomes()) == {"granted"}
    assert (await server.idp.counts())["refreshed"] == times


async def test_each_use_of_a_session_is_followed_by_one_exchange(server: Unlistened) -> None:
    opened = await server.login_at_provider(subject="usr_1")
    await exchanged(server, 1)
    refreshed = await server.refresh(opened.refresh_token)
    # It was there when it was asked for.
    assert refreshed.access_token != opened.access_token
    await exchanged(server, 2)
    again = await server.refresh(refreshed.refresh_token)
    assert again.access_token not in {opened.access_token, refreshed.access_token}
    await exchanged(server, 3)


async def test_so_is_a_login_with_a_code_and_an_adoption(server: Unlistened) -> None:
    await server.login_with_code(subject="usr_1")
    await exchanged(server, 1)
    await server.adopt((await server.idp.login(subject="usr_2"))["refresh_token"])
    # The adoption itself is one too.
    await eventually(lambda: len(server.telemetry.of("exchanged_ahead")) == 2)
    assert (await server.idp.counts())["refreshed"] == 3


async def test_a_session_that_its_provider_has_ended_ends(server: Unlistened) -> None:
    await server.idp.switch(status=400, error="invalid_grant", times=1)
    opened = await server.login_at_provider(subject="usr_1")
    await eventually(lambda: server.telemetry.of("exchanged_ahead"))
    assert server.telemetry.of("exchanged_ahead") == [(server.idp.issuer, "refused")]
    assert await server.sessions(server.idp.issuer, "usr_1") == []
    (event,) = server.audit.of("session.ended")
    assert (event["session_id"], event["cause"]) == (opened.session.session_id, "PROVIDER_REFUSED")


async def test_a_provider_in_trouble_ends_none(server: Unlistened) -> None:
    await server.idp.switch(status=503, error="server_error", times=1)
    opened = await server.login_at_provider(subject="usr_1")
    await eventually(lambda: server.telemetry.of("exchanged_ahead"))
    assert server.telemetry.of("exchanged_ahead") == [(server.idp.issuer, "undecided")]
    refreshed = await server.refresh(opened.refresh_token)
    assert refreshed.access_token == opened.access_token
