"""The Python clients adopt what a real provider gave to somebody else, on asyncio and from threads."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from sessiond import AsyncClient, Client, Device, InvalidArgumentError, RefreshRefusedError, Session
from tests.support.config import Config, scalekit
from tests.support.either_client import EitherClient
from tests.support.idp import Idp, running_idp
from tests.support.proxy import HOST, Proxy, running_proxy
from tests.support.server import serving
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessiond import Tokens

PHONE = Device(label="phone")


@dataclass
class Deployment:
    """A server before a provider, and a link to the server that can be cut."""

    idp: Idp
    link: Proxy

    async def token(self) -> str:
        return (await self.idp.login(subject="usr_adopted"))["refresh_token"]


@pytest.fixture(scope="module")
async def deployment(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Deployment]:
    directory = tmp_path_factory.mktemp("a")
    async with running_idp(directory / "idp.json") as idp:
        config = Config(directory, issuers=[scalekit(idp.issuer, directory, adopt=True)])
        config.tables["server"] = {"anonymous": ["validate", "session", "adopt"]}
        async with (
            serving(config.write(), config.data, directory / "log") as server,
            running_proxy(int(server.grpc.rpartition(":")[2])) as link,
        ):
            yield Deployment(idp, link)


@pytest.fixture(params=[AsyncClient, Client])
async def client(request: pytest.FixtureRequest, deployment: Deployment) -> AsyncIterator[EitherClient]:
    await deployment.idp.switch(hold=0)
    client = EitherClient(request.param(f"{HOST}:{deployment.link.port}", timeout=10))
    yield client
    await client.shut()


@asynccontextmanager
async def adopting(client: EitherClient, deployment: Deployment) -> AsyncIterator[asyncio.Task[Tokens]]:
    """A call whose exchange the provider holds until the context ends."""
    token = await deployment.token()
    await deployment.idp.switch(hold=1)
    call = asyncio.ensure_future(client.adopt(deployment.idp.issuer, token, device=PHONE))

    async def is_there() -> bool:
        return (await deployment.idp.counts())["token"] == 1

    await eventually(is_there)
    yield call
    await deployment.idp.switch(hold=0)


async def test_a_providers_token_becomes_a_session(client: EitherClient, deployment: Deployment) -> None:
    issuer, token = deployment.idp.issuer, await deployment.token()
    first = await client.adopt(issuer, token, device=PHONE)
    assert (first.session.subject, first.replayed) == ("usr_adopted", False)
    assert isinstance(await client.validate(first.access_token), Session)
    again = await client.adopt(issuer, token, device=PHONE)
    assert again.replayed
    assert (again.access_token, again.refresh_token) == (first.access_token, first.refresh_token)
    with pytest.raises(RefreshRefusedError) as refused:
        await client.adopt(issuer, token, device=Device(label="thief"))
    assert (refused.value.reason, refused.value.session_lives) == ("REFRESH_TOKEN_SUPERSEDED", True)
    went_on = await client.refresh(first.refresh_token, device=PHONE)
    assert went_on.session.session_id == first.session.session_id


async def test_an_answer_that_was_lost_is_asked_for_again(
    client: EitherClient, deployment: Deployment
) -> None:
    async with adopting(client, deployment) as call:
        await deployment.link.cut()
        deployment.link.mend()
    tokens = await call
    assert tokens.replayed
    assert tokens.refresh_token.startswith("sdr1_")
    assert (await deployment.idp.counts())["refreshed"] == 1


async def test_a_slow_provider_is_waited_for_beyond_the_time_of_a_question(deployment: Deployment) -> None:
    """A question of this client has no time for anything."""
    await deployment.idp.switch(hold=0)
    for kind in (AsyncClient, Client):
        client = EitherClient(kind(f"{HOST}:{deployment.link.port}", timeout=0.001))
        async with adopting(client, deployment) as call:
            pass
        assert not (await call).replayed
        await client.shut()


async def test_who_adopts_from_nobody_is_told_before_anything_is_sent(
    client: EitherClient, deployment: Deployment
) -> None:
    with pytest.raises(ValueError, match="issuer: found '', allowed is the provider that gave the token"):
        await client.adopt("", await deployment.token())
    with pytest.raises(InvalidArgumentError, match="issuer"):
        await client.adopt("https://nobody.example", "a token")
