"""What a lost reply costs at providers that treat refresh tokens differently, each a real one."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from sessiond import ProviderTokens, RefreshRefusedError, UnavailableError
from sessiond_server.adapters.store.connection import StoreAddress, connect
from sessiond_server.domain.identifiers import SessionId
from tests.support.config import Config, scalekit
from tests.support.idp import Idp, running_idp
from tests.support.refreshes_once import RefreshesOnce
from tests.support.server import Server, serving
from tests.support.store import connected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sessiond import Tokens

ENDED = "a session has ended at its provider"
CONTRADICTS = "a provider does not treat refresh tokens as its issuer's rotation says"
PRESENTS_AGAIN = "a refresh token is presented again that may have been spent, which may end other sessions"


@dataclass
class Deployment:
    """A provider of some profile, a server that is told of it, and a client."""

    idp: Idp
    server: Server
    client: RefreshesOnce
    config: Config

    async def session(self) -> Tokens:
        answer = await self.idp.login()
        given = ProviderTokens(answer["access_token"], answer["refresh_token"])
        return await self.client.create_session(self.idp.issuer, given)

    async def lose_a_reply(self, opened: Tokens) -> None:
        await self.idp.switch(lose=1)
        with pytest.raises(UnavailableError) as refused:
            await self.client.refresh(opened.refresh_token)
        assert refused.value.reason == "PROVIDER_UNAVAILABLE"

    async def goes_on(self, opened: Tokens) -> Tokens:
        refreshed = await self.client.refresh(opened.refresh_token)
        assert refreshed.session.session_id == opened.session.session_id
        return refreshed

    async def has_ended(self, opened: Tokens) -> str:
        """Why, by the log."""
        with pytest.raises(RefreshRefusedError) as refused:
            await self.client.refresh(opened.refresh_token)
        assert refused.value.reason == "PROVIDER_REFUSED"
        (line,) = await self.server.said(event=ENDED, session_id=opened.session.session_id)
        return line["cause"]

    async def asked(self) -> int:
        return (await self.idp.counts())["refreshed"]

    async def hours_pass(self, opened: Tokens) -> None:
        """Let the exchange that left the doubt be long ago."""
        redis = connect(StoreAddress(f"unix://{self.config.data}/valkey.sock"))
        session = SessionId.find(opened.session.session_id)
        assert session is not None
        await connected(redis).change(session, lease_until_ms=1)
        await redis.aclose()

    def told(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.server.lines() if line["event"] == event]


@asynccontextmanager
async def deployed(directory: Path, behaves: str, /, **settings: str) -> AsyncIterator[Deployment]:
    """A provider that rotates so, with settings that say of it what they say."""
    async with running_idp(directory / "idp.json") as idp:
        await idp.switch(rotation=behaves)
        config = Config(directory, issuers=[scalekit(idp.issuer, directory, **settings)])
        async with (
            serving(config.write(), config.data, directory / "1.log") as server,
            RefreshesOnce(server.grpc, timeout=10) as client,
        ):
            yield Deployment(idp, server, client, config)


@pytest.mark.parametrize("rotation", ["static", "renewing"])
async def test_a_provider_that_spends_no_token_leaves_no_doubt(tmp_path: Path, rotation: str) -> None:
    async with deployed(tmp_path, rotation, rotation=rotation) as here:
        opened = await here.session()
        await here.lose_a_reply(opened)
        refreshed = await here.goes_on(await here.goes_on(opened))
        assert here.told(CONTRADICTS) == []
        await here.lose_a_reply(refreshed)
        await here.idp.switch(status=400, error="invalid_grant", times=1)
        # Nothing was lost: the provider has ended the session.
        assert await here.has_ended(refreshed) == "PROVIDER_REFUSED"


async def test_where_doubts_end_sessions_a_lost_reply_ends_one_at_once(tmp_path: Path) -> None:
    async with deployed(tmp_path, "strict", in_doubt="end") as here:
        opened = await here.session()
        await here.idp.switch(lose=1)
        assert await here.has_ended(opened) == "PROVIDER_LOST"
        assert await here.asked() == 1


async def test_within_the_providers_grace_a_token_in_doubt_is_presented_once_more(tmp_path: Path) -> None:
    async with deployed(tmp_path, "grace", in_doubt="end", rotation_grace="30s") as here:
        opened = await here.session()
        await here.lose_a_reply(opened)
        await here.idp.switch(status=429, error="slow_down", times=1)
        with pytest.raises(UnavailableError):
            await here.client.refresh(opened.refresh_token)
        refreshed = await here.goes_on(opened)
        assert await here.asked() == 1
        await here.lose_a_reply(refreshed)
        await here.idp.switch(lose=1)
        assert await here.has_ended(refreshed) == "PROVIDER_LOST"
        assert await here.asked() == 1


async def test_behind_the_providers_grace_a_token_in_doubt_is_not_presented(tmp_path: Path) -> None:
    async with deployed(tmp_path, "grace", in_doubt="end", rotation_grace="30s") as here:
        opened = await here.session()
        await here.lose_a_reply(opened)
        await here.hours_pass(opened)
        await here.idp.switch()
        assert await here.has_ended(opened) == "PROVIDER_LOST"
        assert await here.asked() == 0


@pytest.mark.parametrize(("in_doubt", "others_live"), [("retry", False), ("end", True)])
async def test_a_provider_that_punishes_more_than_the_family_is_spared_where_doubts_end_sessions(
    tmp_path: Path, in_doubt: str, *, others_live: bool
) -> None:
    settings = {"in_doubt": in_doubt, "rotation_collateral": "more"}
    async with deployed(tmp_path, "strict", **settings) as here:
        await here.idp.switch(collateral="more")
        opened, other = await here.session(), await here.session()
        if in_doubt == "retry":
            await here.lose_a_reply(opened)
        else:
            await here.idp.switch(lose=1)
        assert await here.has_ended(opened) == "PROVIDER_LOST"
        if others_live:
            await here.goes_on(other)
            assert here.told(PRESENTS_AGAIN) == []
        else:
            (line,) = await here.server.said(event=PRESENTS_AGAIN)
            assert line["session_id"] == opened.session.session_id
            assert await here.has_ended(other) == "PROVIDER_REFUSED"


@pytest.mark.parametrize(
    ("rotation", "said_to_be", "found"), [("strict", "static", "renewed"), ("static", "rotating", "kept")]
)
async def test_a_provider_that_is_not_as_it_was_said_to_be_costs_no_session_and_is_told_once(
    tmp_path: Path, rotation: str, said_to_be: str, found: str
) -> None:
    async with deployed(tmp_path, rotation, rotation=said_to_be) as here:
        opened = await here.session()
        for _ in range(3):
            opened = await here.goes_on(opened)
        (line,) = await here.server.said(event=CONTRADICTS)
        assert (line["issuer"], line["refresh_token"]) == (here.idp.issuer, found)
        _, metrics = await here.server.page("/metrics")
        labels = f'issuer="{here.idp.issuer}",refresh_token="{found}"'
        assert f"sessiond_rotation_contradictions_total{{{labels}}} 3.0" in metrics
