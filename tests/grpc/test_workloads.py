"""Callers that are known by the tokens of their workloads, of a real issuer and over real channels."""

from __future__ import annotations

import asyncio
import itertools
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import grpc
import pytest

from sessiond import (
    AsyncClient,
    PermissionDeniedError,
    Rejection,
    Session,
    UnavailableError,
)
from sessiond.v1 import session_service_pb2 as messages
from sessiond.v1 import session_service_pb2_grpc
from tests.support.config import Config, scalekit
from tests.support.idp import Idp, running_idp
from tests.support.server import Server, serving
from tests.support.waiting import eventually
from tests.support.watching import watching

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

LOCAL = {"issuer": "https://sessions.example", "preset": "local", "audiences": ["web"]}
SUBJECT = "system:serviceaccount:shop:orders"
AUTH = "system:serviceaccount:shop:auth"


class Cluster:
    """A server, and the issuer of its callers' tokens."""

    def __init__(self, idp: Idp, server: Server, config: Config) -> None:
        self.idp = idp
        self.server = server
        self.config = config

    async def token(
        self, subject: str = SUBJECT, *, seconds: int = 600, kid: str | None = None, **claims: Any
    ) -> str:
        """As a kubelet projects it into a pod."""
        now = int(time.time())
        payload = {
            "iss": self.idp.issuer,
            "sub": subject,
            "aud": ["sessiond"],
            "iat": now,
            "nbf": now,
            "exp": now + seconds,
            "kubernetes.io": {"namespace": "shop", "serviceaccount": {"name": "orders", "uid": "1"}},
        }
        header = {"typ": None} | ({"kid": kid} if kid else {})
        return await self.idp.sign(payload | claims, **header)

    def client(self, token: str) -> AsyncClient:
        return AsyncClient(self.server.grpc, key=token, timeout=5, cache=None)

    async def validate(self, token: str) -> Session | Rejection:
        async with self.client(token) as client:
            return await client.validate("x")

    async def refusal(self, token: str) -> str:
        with pytest.raises(PermissionDeniedError) as refused:
            await self.validate(token)
        return refused.value.reason

    async def code(self, token: str) -> grpc.StatusCode:
        """The status of one call, which is not made again."""
        async with grpc.aio.insecure_channel(self.server.grpc) as channel:
            call = channel.unary_unary("/sessiond.v1.SessionService/ValidateToken")
            return await call(b"", metadata=[("authorization", f"Bearer {token}")], timeout=10).code()

    async def fetches(self) -> int:
        return (await self.idp.counts())["keys"]

    async def page(self, path: str) -> str:
        async with (
            aiohttp.ClientSession() as web,
            web.get(f"http://{self.server.http}{path}") as answer,
        ):
            return await answer.text()


@asynccontextmanager
async def running_cluster(directory: Path, **settings: Any) -> AsyncIterator[Cluster]:
    async with running_idp(directory / "idp.json") as idp:
        config = Config(directory, issuers=[LOCAL, scalekit(idp.issuer, directory, tenants=["org_1"])])
        config.workload_issuers.append(
            {"issuer": idp.issuer, "preset": "kubernetes", "audience": "sessiond", "allow_http": True}
        )
        config.callers += [
            {"name": "orders", "groups": ["validate", "watch"], "workloads": [SUBJECT]},
            {"name": "auth", "groups": ["validate", "session", "mint"], "workloads": [AUTH]},
        ]
        config.tables |= settings
        async with serving(config.write(), config.data, directory / "log") as server:
            yield Cluster(idp, server, config)


@pytest.fixture(scope="module")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    async with running_cluster(tmp_path_factory.mktemp("w")) as cluster:
        yield cluster


async def test_the_token_of_a_workload_is_a_caller_and_no_secret_is_anywhere(cluster: Cluster) -> None:
    token = await cluster.token()
    assert isinstance(await cluster.validate(token), Rejection)
    assert await cluster.server.said(event="call", method="ValidateToken", caller="orders", code="OK")
    metrics = await cluster.page("/metrics")
    assert 'sessiond_calls_total{caller="orders",code="OK",method="ValidateToken"}' in metrics
    assert 'sessiond_workload_tokens_total{issuer="' + cluster.idp.issuer + '",outcome="ACCEPTED"}' in metrics
    for text in (metrics, cluster.server.log.read_text()):
        assert token.rpartition(".")[2] not in text
        assert SUBJECT not in text


async def test_it_may_do_what_its_callers_groups_say(cluster: Cluster) -> None:
    async with cluster.client(await cluster.token()) as orders:
        with pytest.raises(PermissionDeniedError) as refused:
            await orders.create_local_session("alice")
    assert refused.value.reason == "CALLER_NOT_PERMITTED"
    assert await cluster.server.said(event="call", method="CreateSession", caller="orders")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"sub": SUBJECT + "s"}, "SUBJECT_UNKNOWN"),
        ({"aud": ["sessiond", "other"]}, "AUDIENCE_MISMATCH"),
        ({"iss": "https://sessions.example"}, "ISSUER_NOT_TRUSTED"),
        ({"exp": int(time.time()) - 1, "iat": int(time.time()) - 600}, "EXPIRED"),
        ({"exp": int(time.time()) + 90_000}, "CLAIM_INVALID"),
    ],
)
async def test_another_token_of_the_issuer_is_nobodys_and_the_log_says_why(
    cluster: Cluster, changes: dict[str, Any], why: str
) -> None:
    assert await cluster.refusal(await cluster.token(**changes)) == "CALLER_UNKNOWN"
    assert await cluster.server.said(event="call", caller="unknown", reason="CALLER_UNKNOWN", why=why)


async def test_whoever_has_no_good_token_is_refused_before_a_message_is_read(cluster: Cluster) -> None:
    token = await cluster.token()
    forged = token[:-8] + "AAAAAAAA"
    async with grpc.aio.insecure_channel(cluster.server.grpc) as channel:
        for text in (forged, "a.b.c", await cluster.token(sub="nobody")):
            metadata = [("authorization", f"Bearer {text}")]
            call = channel.stream_stream("/sessiond.v1.SessionService/ValidateToken")(
                timeout=5, metadata=metadata
            )
            assert await call.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_a_rotated_token_is_the_same_caller(cluster: Cluster) -> None:
    async with cluster.client(await cluster.token(AUTH)) as before:
        tokens = await before.create_local_session("alice")
        first = await before.refresh(tokens.refresh_token)
    async with cluster.client(await cluster.token(AUTH, jti="rotated")) as after:
        again = await after.refresh(tokens.refresh_token)
    assert again.replayed
    assert again.refresh_token == first.refresh_token


async def test_what_it_keeps_ends_with_its_token(cluster: Cluster) -> None:
    async with cluster.client(await cluster.token(AUTH)) as auth:
        access_token = (await auth.create_local_session("alice")).access_token
    async with grpc.aio.insecure_channel(cluster.server.grpc) as channel:
        stub = session_service_pb2_grpc.SessionServiceStub(channel)
        for seconds in (20, 600):
            shown = {"metadata": [("authorization", f"Bearer {await cluster.token(seconds=seconds)}")]}
            one = await stub.ValidateToken(messages.ValidateTokenRequest(token=access_token), **shown)
            many = await stub.ValidateTokens(messages.ValidateTokensRequest(tokens=[access_token]), **shown)
            for verdict in (one, *many.results):
                kept = verdict.watched_cache_for.ToTimedelta().total_seconds()
                assert min(seconds, 60) - 5 < kept <= min(seconds, 60)


async def test_a_watch_ends_with_its_token_as_it_would_by_itself(cluster: Cluster) -> None:
    token = await cluster.token(seconds=2)
    async with (
        grpc.aio.insecure_channel(cluster.server.grpc) as channel,
        watching(channel, key=token) as watcher,
    ):
        await watcher.next("started")
        code, _ = await asyncio.wait_for(watcher.ended(), 5)
        assert code is grpc.StatusCode.OK
        async with watching(channel, key=token) as late:
            assert (await late.ended())[0] is grpc.StatusCode.PERMISSION_DENIED
        async with watching(channel, key=await cluster.token()) as rotated:
            await rotated.next("started")


@pytest.mark.slow
async def test_strangers_have_no_keys_fetched_by_tokens_that_would_be_nobodys(tmp_path: Path) -> None:
    async with running_cluster(tmp_path) as cluster:
        before = await cluster.fetches()
        for number in range(10):
            assert await cluster.refusal(await cluster.token("nobody", kid=f"k{number}")) == "CALLER_UNKNOWN"
        assert await cluster.fetches() == before
        codes = [await cluster.code(await cluster.token(kid=f"k{number}")) for number in range(10)]
        assert codes == [grpc.StatusCode.PERMISSION_DENIED] * 2 + [grpc.StatusCode.UNAVAILABLE] * 8
        assert await cluster.fetches() == before + 2
        # End users' tokens have fetches of their own, of this very issuer.
        token = await cluster.token()
        await cluster.idp.change_keys("add")
        access_token = (await cluster.idp.login())["access_token"]
        async with cluster.client(token) as orders:
            assert isinstance(await orders.validate(access_token), Session)


@pytest.mark.slow
async def test_a_flood_of_made_up_tokens_keeps_out_neither_a_known_nor_a_new_one(tmp_path: Path) -> None:
    async with running_cluster(tmp_path) as cluster:
        known = await cluster.token()
        await cluster.validate(known)
        over = asyncio.Event()

        async def flood(number: int) -> set[grpc.StatusCode]:
            head, _, signature = known.rpartition(".")
            codes = set()
            async with grpc.aio.insecure_channel(
                cluster.server.grpc, options=[("grpc.use_local_subchannel_pool", 1)]
            ) as channel:
                call = channel.unary_unary("/sessiond.v1.SessionService/ValidateToken")
                for round_ in itertools.count():
                    if over.is_set():
                        return codes
                    made_up = [
                        f"{head}.{number:02}{round_:05}{index:03}{signature[10:]}" for index in range(50)
                    ]
                    calls = [call(b"", metadata=[("authorization", f"Bearer {one}")]) for one in made_up]
                    codes |= {await one.code() for one in calls}
            return codes

        flooding = [asyncio.create_task(flood(number)) for number in range(4)]
        try:
            for _ in range(20):
                assert isinstance(await cluster.validate(known), Rejection)
            new = await cluster.token(jti="new")
            await eventually(lambda: is_known(cluster, new), timeout=20)
        finally:
            over.set()
            codes = set().union(*await asyncio.gather(*flooding))
        assert codes <= {grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAVAILABLE}


async def is_known(cluster: Cluster, token: str) -> bool:
    try:
        return isinstance(await cluster.validate(token), Rejection)
    except UnavailableError:
        return False


async def test_a_new_key_is_found_and_a_withdrawn_one_is_gone(tmp_path: Path) -> None:
    async with running_cluster(tmp_path) as cluster:
        old = await cluster.token()
        await cluster.validate(old)
        await cluster.idp.change_keys("add")
        await cluster.idp.change_keys("drop")
        await cluster.validate(old)
        assert isinstance(await cluster.validate(await cluster.token()), Rejection)
        assert await cluster.refusal(old) == "CALLER_UNKNOWN"


@pytest.mark.slow
async def test_while_the_issuer_is_away_nobody_is_known_and_the_server_says_so(tmp_path: Path) -> None:
    async with running_idp(tmp_path / "idp.json") as idp:
        await idp.switch(keys="500")
        config = Config(tmp_path, issuers=[LOCAL])
        config.workload_issuers.append(
            {"issuer": idp.issuer, "preset": "kubernetes", "audience": "sessiond", "allow_http": True}
        )
        config.callers.append({"name": "orders", "groups": ["validate"], "workloads": [SUBJECT]})
        async with serving(config.write(), config.data, tmp_path / "log", until="not serving") as server:
            cluster, why = Cluster(idp, server, config), f"no keys of {idp.issuer} can be had"
            await eventually(lambda: any(why in line.get("reasons", ()) for line in server.lines()))
            assert why in await cluster.page("/readyz")
            assert await cluster.code(await cluster.token()) is grpc.StatusCode.UNAVAILABLE
            assert await server.said(event="call", reason="KEYS_UNAVAILABLE")
            await idp.switch(keys="good")
            await eventually(lambda: "serving" in server.events(), timeout=20)
            assert isinstance(await cluster.validate(await cluster.token()), Rejection)
