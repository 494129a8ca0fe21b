"""A token that names an issuer whose keys cannot be had decides over no other token, and no other issuer."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp
import pytest

from sessiond import AsyncClient, Client, Reason, Rejection, Session, UnavailableError, Undecided
from tests.support.config import Config, scalekit
from tests.support.idp import Idp, running_idp
from tests.support.server import serving
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.server import Server

OWN, AWAY = "https://own.example", "https://169.254.169.254"
GROUPS = ["validate", "session", "mint"]
# An issuer is waited for longer than that.
TIMEOUT = 2


def unsigned(issuer: str) -> str:
    """A token that anybody could write."""
    parts = {"alg": "RS256", "typ": "at+jwt", "kid": "k"}, {"iss": issuer, "sub": "mallory"}
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, "AAAA"])


FOREIGN = unsigned(AWAY)


@dataclass
class Setting:
    """A server with three issuers: its own, one that answers, and one that is away."""

    server: Server
    idp: Idp
    client: AsyncClient
    confined: AsyncClient
    key: str

    async def own_token(self) -> str:
        return (await self.client.create_local_session("alice")).access_token


@pytest.fixture(scope="module")
async def setting(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Setting]:
    directory = tmp_path_factory.mktemp("u")
    async with running_idp(directory / "idp.json") as idp:
        local = {"issuer": OWN, "preset": "local", "audiences": ["own"]}
        away = {"issuer": AWAY, "audiences": ["a"]}
        config = Config(directory, issuers=[scalekit(idp.issuer, directory, tenants=["org_1"]), away, local])
        key = config.caller("all", GROUPS)
        confined = config.caller("confined", GROUPS, issuers=[OWN])
        async with (
            serving(config.write(), config.data, directory / "log") as server,
            AsyncClient(server.grpc, key=key, timeout=TIMEOUT) as client,
            AsyncClient(server.grpc, key=confined, timeout=TIMEOUT) as other,
        ):
            yield Setting(server, idp, client, other, key)


@pytest.mark.slow
async def test_alone_it_cannot_be_decided(setting: Setting) -> None:
    for call in (setting.client.validate(FOREIGN), setting.client.validate_all([FOREIGN, FOREIGN])):
        with pytest.raises(UnavailableError) as unavailable:
            await call
        assert unavailable.value.reason == "KEYS_UNAVAILABLE"


async def test_where_its_issuer_is_not_wanted_it_is_rejected(setting: Setting) -> None:
    verdicts = [
        await setting.client.validate(FOREIGN, issuers=[OWN]),
        await setting.confined.validate(FOREIGN),
        *await setting.client.validate_all([FOREIGN], issuers=[OWN]),
        *await setting.confined.validate_all([FOREIGN]),
    ]
    reasons = [isinstance(verdict, Rejection) and verdict.reason for verdict in verdicts]
    assert reasons == [Reason.ISSUER_NOT_TRUSTED] * 4


async def test_among_others_it_alone_is_undecided(setting: Setting) -> None:
    token = await setting.own_token()
    tokens = [token, FOREIGN, "garbage", token]
    with Client(setting.server.grpc, key=setting.key, timeout=TIMEOUT) as blocking:
        answers = [
            await setting.client.validate_all(tokens),
            await asyncio.to_thread(blocking.validate_all, tokens),
        ]
    for first, undecided, garbage, last in answers:
        assert isinstance(first, Session)
        assert isinstance(last, Session)
        assert isinstance(garbage, Rejection)
        assert isinstance(undecided, Undecided)
        assert undecided.reason == "KEYS_UNAVAILABLE"
        assert undecided.retry_after.total_seconds() == 0.5
    assert await setting.server.said(
        method="ValidateTokens", verdicts={"ACCEPTED": 2, "UNDECIDED": 1, "MALFORMED": 1}
    )
    async with (
        aiohttp.ClientSession() as web,
        web.get(f"http://{setting.server.http}/metrics") as answer,
    ):
        assert (
            'sessiond_verdicts_total{method="ValidateTokens",verdict="UNDECIDED"} 2.0' in await answer.text()
        )


async def test_an_issuer_that_takes_its_time_holds_no_batch_up(setting: Setting) -> None:
    token = await setting.own_token()
    await setting.idp.change_keys("add")
    fresh = (await setting.idp.login())["access_token"]
    await setting.idp.switch(keys="hold")
    own, undecided = await setting.client.validate_all([token, fresh])
    assert isinstance(own, Session)
    assert isinstance(undecided, Undecided)
    await setting.idp.switch(keys="good")

    async def is_decided() -> bool:
        return isinstance((await setting.client.validate_all([token, fresh]))[1], Session)

    await eventually(is_decided)
