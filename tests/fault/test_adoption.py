"""Refresh tokens that a real provider gave to a backend become sessions here: each of them one."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import grpc
import pytest

from sessiond import AsyncClient, PermissionDeniedError, Session
from sessiond.errors import to_error
from sessiond.v1.session_pb2 import Device
from sessiond.v1.session_service_pb2 import RefreshSessionRequest, RefreshSessionResponse
from sessiond.v1.session_service_pb2_grpc import SessionServiceStub
from tests.support.config import Config, scalekit
from tests.support.idp import Idp, running_idp
from tests.support.server import Server, serving
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sessiond import SessiondError


@dataclass
class Deployment:
    """A server before a provider, and a backend that has refresh tokens of its users."""

    idp: Idp
    server: Server
    client: AsyncClient
    channel: grpc.aio.Channel
    config: Config

    async def token(self) -> str:
        return (await self.idp.login(subject="usr_adopted"))["refresh_token"]

    async def adopt(
        self, token: str, *, device: str = "phone", issuer: str | None = None, seconds: float = 10
    ) -> RefreshSessionResponse:
        request = RefreshSessionRequest(
            refresh_token=token, issuer=issuer or self.idp.issuer, device=Device(label=device)
        )
        return await SessionServiceStub(self.channel).RefreshSession(request, timeout=seconds)

    async def refusal(self, token: str, **call: str) -> SessiondError:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await self.adopt(token, **call)
        return to_error(refused.value)

    async def refreshed(self) -> int:
        return (await self.idp.counts())["refreshed"]

    async def is_asked(self) -> bool:
        return (await self.idp.counts())["token"] > 0

    async def waiting(self) -> int:
        """How many calls of this server wait for another's exchange."""
        async with self.idp.web.get(f"http://{self.server.http}/metrics") as answer:
            (number,) = re.findall(r"^sessiond_refreshes_waiting (\S+)$", await answer.text(), re.MULTILINE)
        return int(float(number))


def beside(config: Config) -> Config:
    """A configuration for another server over the same store."""
    other = Config(config.directory, issuers=config.issuers, tables=dict(config.tables))
    other.tables["store"] = {"url": f"unix://{config.data}/valkey.sock"}
    other.tables["keys"] = {
        "pepper_files": [str(config.data / "pepper")],
        "sealing_files": [str(config.data / "sealing-key")],
    }
    return other


@pytest.fixture(scope="module")
async def deployment(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Deployment]:
    directory = tmp_path_factory.mktemp("a")
    async with running_idp(directory / "idp.json") as idp:
        config = Config(directory, issuers=[scalekit(idp.issuer, directory, adopt=True)])
        config.tables["server"] = {"anonymous": ["validate", "session", "adopt", "revoke"]}
        async with (
            serving(config.write(), config.data, directory / "log") as server,
            AsyncClient(server.grpc, timeout=10) as client,
            grpc.aio.insecure_channel(server.grpc) as channel,
        ):
            yield Deployment(idp, server, client, channel, config)


@pytest.fixture(autouse=True)
async def well_behaved(deployment: Deployment) -> None:
    await deployment.idp.switch(
        rotation="strict", latency=0, hold=0, status=0, error="", times=0, lose=0, claims={}
    )


async def test_a_token_becomes_a_session_that_goes_on_as_any_other(deployment: Deployment) -> None:
    adopted = await deployment.adopt(await deployment.token())
    assert not adopted.replayed
    assert adopted.tokens.refresh_token.startswith("sdr1_")
    assert adopted.tokens.session.session_id.startswith("sds_")
    assert adopted.tokens.session.subject == "usr_adopted"
    assert isinstance(await deployment.client.validate(adopted.tokens.access_token), Session)
    went_on = await deployment.client.refresh(adopted.tokens.refresh_token)
    assert went_on.session.session_id == adopted.tokens.session.session_id
    (line,) = await deployment.server.said(outcome="ADOPTED")
    assert line["method"] == "RefreshSession"
    (event,) = await deployment.server.said(event="audit", session_id=went_on.session.session_id)
    assert (event["action"], event["outcome"], event["caller"]) == ("session.adopted", "done", "anonymous")


async def test_whoever_asks_again_gets_the_same_tokens_and_the_provider_is_not_asked(
    deployment: Deployment,
) -> None:
    token = await deployment.token()
    first = await deployment.adopt(token)
    asked = await deployment.refreshed()
    again = await deployment.adopt(token)
    assert again.replayed
    assert again.tokens.refresh_token == first.tokens.refresh_token
    assert again.tokens.access_token == first.tokens.access_token
    assert again.tokens.session.session_id == first.tokens.session.session_id
    assert await deployment.refreshed() == asked


async def test_many_at_once_open_one_session_by_one_exchange(deployment: Deployment) -> None:
    token, asked = await deployment.token(), await deployment.refreshed()
    answers = await asyncio.gather(*(deployment.adopt(token) for _ in range(30)))
    assert len({answer.tokens.refresh_token for answer in answers}) == 1
    assert [answer.replayed for answer in answers].count(False) == 1
    assert await deployment.refreshed() == asked + 1


async def test_a_caller_who_leaves_loses_nothing(deployment: Deployment) -> None:
    token = await deployment.token()
    await deployment.idp.switch(hold=1)
    asked, came = await deployment.refreshed(), (await deployment.idp.counts())["token"]
    call = asyncio.create_task(deployment.adopt(token))

    async def has_come() -> bool:
        return (await deployment.idp.counts())["token"] > came

    await eventually(has_come)
    call.cancel()
    await deployment.idp.switch(hold=0)
    answer = await deployment.adopt(token)
    assert answer.replayed
    assert await deployment.refreshed() == asked + 1


async def test_two_servers_that_adopt_one_token_open_one_session_by_one_exchange(
    deployment: Deployment, tmp_path: Path
) -> None:
    config = beside(deployment.config)
    async with (
        serving(config.write("second.toml"), config.data, tmp_path / "log") as server,
        grpc.aio.insecure_channel(server.grpc) as channel,
    ):
        second = replace(deployment, server=server, channel=channel)
        token = await deployment.token()
        await deployment.idp.switch(hold=1)
        calls = [asyncio.create_task(deployment.adopt(token))]
        await eventually(deployment.is_asked)
        calls.append(asyncio.create_task(second.adopt(token)))

        async def waits() -> bool:
            return calls[1].done() or await second.waiting() == 1

        await eventually(waits)
        assert await deployment.refreshed() == 0
        await deployment.idp.switch(hold=0)
        first, again = [(await call) for call in calls]
        assert (first.replayed, again.replayed) == (False, True)
        assert again.tokens == first.tokens
        assert await deployment.refreshed() == 1


async def test_another_device_gets_nothing_and_harms_nothing(deployment: Deployment) -> None:
    token = await deployment.token()
    first = await deployment.adopt(token)
    assert (await deployment.refusal(token, device="thief")).reason == "REFRESH_TOKEN_SUPERSEDED"
    await deployment.client.refresh(first.tokens.refresh_token)


async def test_once_the_session_is_in_use_its_first_tokens_are_not_given_again(
    deployment: Deployment,
) -> None:
    token = await deployment.token()
    first = await deployment.adopt(token)
    await deployment.client.refresh(first.tokens.refresh_token)
    assert (await deployment.refusal(token)).reason == "REFRESH_TOKEN_SUPERSEDED"


async def test_what_has_ended_stays_so(deployment: Deployment) -> None:
    token = await deployment.token()
    first = await deployment.adopt(token)
    await deployment.client.revoke_session(first.tokens.session.session_id)
    assert (await deployment.refusal(token)).reason == "SESSION_REVOKED"


async def test_a_token_that_the_provider_refuses_opens_nothing(deployment: Deployment) -> None:
    refused = await deployment.refusal("never given out")
    assert (refused.code, refused.reason) == (grpc.StatusCode.UNAUTHENTICATED, "PROVIDER_REFUSED")


async def test_a_provider_that_does_not_decide_is_asked_again(deployment: Deployment) -> None:
    token = await deployment.token()
    await deployment.idp.switch(status=503, error="temporarily_unavailable", times=1)
    undecided = await deployment.refusal(token)
    assert (undecided.code, undecided.reason) == (grpc.StatusCode.UNAVAILABLE, "PROVIDER_UNAVAILABLE")
    assert not (await deployment.adopt(token)).replayed


async def test_what_the_provider_gave_for_nothing_is_revoked_there(deployment: Deployment) -> None:
    token = await deployment.token()
    await deployment.idp.switch(claims={"aud": ["somebody else"]})
    refused = await deployment.refusal(token)
    assert (refused.reason, refused.metadata["rejection"]) == ("LOGIN_REFUSED", "AUDIENCE_MISMATCH")
    event = "a login did not open a session, and what it brought is revoked at its provider"
    assert (await deployment.server.said(event=event))[-1]["queued"]


async def test_what_the_provider_gave_is_kept_until_its_keys_can_be_had(tmp_path: Path) -> None:
    async with running_idp(tmp_path / "idp.json") as idp:
        config = Config(tmp_path, issuers=[scalekit(idp.issuer, tmp_path, adopt=True)])
        config.tables["server"] = {"anonymous": ["validate", "session", "adopt"]}
        async with (
            serving(config.write(), config.data, tmp_path / "1.log") as server,
            AsyncClient(server.grpc, timeout=10) as client,
            grpc.aio.insecure_channel(server.grpc) as channel,
        ):
            deployment = Deployment(idp, server, client, channel, config)
            token = await deployment.token()
            await idp.change_keys("add")
            await idp.switch(keys="500")
            # The token is spent there: who asks again goes on from what was given for it.
            for _ in range(2):
                refused = await deployment.refusal(token)
                assert (refused.code, refused.reason) == (grpc.StatusCode.UNAVAILABLE, "PROVIDER_UNAVAILABLE")
            assert {line["reason"] for line in await server.said(issuer=idp.issuer, level="error")} == {
                "KEYS_UNAVAILABLE"
            }
            await idp.switch(keys="good")
            opened = await eventually(partial(_adopted, deployment, token), timeout=30)
            assert not opened.replayed
            assert isinstance(await client.validate(opened.tokens.access_token), Session)
            assert (await idp.counts())["revoked"] == []
            went_on = await client.refresh(opened.tokens.refresh_token)
            assert went_on.session.session_id == opened.tokens.session.session_id


async def test_our_own_tokens_never_go_to_a_provider(deployment: Deployment) -> None:
    asked = await deployment.refreshed()
    first = await deployment.adopt(await deployment.token())
    refused = await deployment.refusal(first.tokens.refresh_token)
    assert (refused.reason, refused.metadata["field"]) == ("FIELD_INVALID", "refresh_token")
    assert await deployment.refreshed() == asked + 1


async def test_an_issuer_that_adopts_nothing_is_named(deployment: Deployment, tmp_path: Path) -> None:
    config = Config(tmp_path, issuers=[scalekit(deployment.idp.issuer, tmp_path)])
    config.tables["server"] = {"anonymous": ["adopt"]}
    async with (
        serving(config.write(), config.data, tmp_path / "log") as server,
        grpc.aio.insecure_channel(server.grpc) as channel,
    ):
        other = Deployment(deployment.idp, server, deployment.client, channel, config)
        refused = await other.refusal(await deployment.token())
        assert (refused.reason, refused.metadata["field"]) == ("FIELD_INVALID", "issuer")
        assert "adopt = true" in refused.message


async def test_a_caller_without_the_group_may_not(deployment: Deployment, tmp_path: Path) -> None:
    config = Config(tmp_path, issuers=[scalekit(deployment.idp.issuer, tmp_path, adopt=True)])
    config.tables["server"] = {"anonymous": ["session"]}
    async with (
        serving(config.write(), config.data, tmp_path / "log") as server,
        grpc.aio.insecure_channel(server.grpc) as channel,
    ):
        other = Deployment(deployment.idp, server, deployment.client, channel, config)
        asked = await deployment.refreshed()
        assert isinstance(await other.refusal(await deployment.token()), PermissionDeniedError)
        assert await deployment.refreshed() == asked


async def _adopted(deployment: Deployment, token: str) -> RefreshSessionResponse | None:
    try:
        return await deployment.adopt(token)
    except grpc.aio.AioRpcError as error:
        if to_error(error).reason != "PROVIDER_UNAVAILABLE":
            raise
        return None
