"""A server with everything that can be configured, and a life in which everything happens to it."""

from __future__ import annotations

import json
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from sessiond import AsyncClient, ProviderTokens, SessiondError
from sessiond_server.domain.base64url import to_base64url
from tests.support.config import Config, scalekit
from tests.support.idp import Idp, running_idp
from tests.support.server import Server, serving
from tests.support.watching import watching

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

LOCAL = {"issuer": "https://sessions.example", "preset": "local", "audiences": ["web"]}
OTHER = {"issuer": "https://login.example", "preset": "oidc", "audiences": ["web"], "client_id": "web"}
ORDERS = "system:serviceaccount:shop:orders"
TELLING = "telling-words-of-a-stranger"


@dataclass
class Everything:
    """The server, the provider of its issuers, and the key of a caller that may do everything."""

    idp: Idp
    server: Server
    key: str

    async def metrics(self, **headers: str) -> str:
        async with (
            aiohttp.ClientSession() as web,
            web.get(f"http://{self.server.http}/metrics", headers=headers) as answer,
        ):
            return await answer.text()

    async def series(self) -> dict[str, float]:
        """The value of each series."""
        lines = [line for line in (await self.metrics()).splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    def client(self, key: str | None = None) -> AsyncClient:
        return AsyncClient(self.server.grpc, key=key or self.key, timeout=5, cache=None)

    async def live(self) -> None:
        """Call every method, well and badly, with good tokens, bad ones and hostile ones."""
        async with self.client() as client:
            await self._live_sessions(client)
            for token in hostile_tokens():
                await client.validate(token)
            await client.validate_all([*hostile_tokens(), "garbage"])
        await self._fail()
        await self._call_as_a_workload()
        await self._watch_and_ask_for_health()

    async def _live_sessions(self, client: AsyncClient) -> None:
        opened = await client.create_local_session("alice", client_id="web")
        await client.validate(opened.access_token)
        await client.refresh(opened.refresh_token)
        await client.refresh(opened.refresh_token)
        assert [one async for one in client.list_sessions(LOCAL["issuer"], "alice")]
        await client.revoke_session(opened.session.session_id)
        await client.validate(opened.access_token)
        login = await self.idp.login()
        tokens = ProviderTokens(login["access_token"], login["refresh_token"], login["id_token"])
        provided = await client.create_session(self.idp.issuer, tokens)
        await client.refresh(provided.refresh_token)
        await client.revoke_subject(LOCAL["issuer"], "alice")

    async def _fail(self) -> None:
        for key in (self.key, TELLING):
            async with self.client(key) as client:
                for call in (client.refresh(TELLING), client.revoke_session(TELLING)):
                    await _failing(call)
        async with grpc.aio.insecure_channel(self.server.grpc) as channel:
            for method in ("ValidateToken", TELLING):
                call = channel.unary_unary(f"/sessiond.v1.SessionService/{method}")
                headers = [("authorization", f"Bearer {self.key}"), ("x-request-id", TELLING)]
                await _failing(call(TELLING.encode(), metadata=headers, timeout=5))

    async def _call_as_a_workload(self) -> None:
        now = int(time.time())
        claims = {
            "iss": self.idp.issuer,
            "sub": ORDERS,
            "aud": ["sessiond"],
            "iat": now,
            "exp": now + 600,
            "kubernetes.io": {"namespace": "shop", "serviceaccount": {"name": "orders", "uid": "1"}},
        }
        good = await self.idp.sign(claims, typ=None)
        strange = await self.idp.sign(claims | {"sub": TELLING}, typ=None)
        for token in (good, strange, *hostile_tokens()):
            async with self.client(token) as client:
                await _failing(client.validate("x"))

    async def _watch_and_ask_for_health(self) -> None:
        async with grpc.aio.insecure_channel(self.server.grpc) as channel:
            async with watching(channel, key=self.key) as watcher:
                await watcher.next("freshness")
            health: Any = health_pb2_grpc.HealthStub(channel)
            await health.Check(health_pb2.HealthCheckRequest())
            await _failing(health.Check(health_pb2.HealthCheckRequest(service=TELLING)))


async def _failing(call: Any) -> None:
    with suppress(SessiondError, grpc.aio.AioRpcError):
        await call


def hostile_tokens() -> list[str]:
    """Tokens whose every word would be a label if anything of a token were one."""
    headers = [
        {"alg": "ES256", "kid": TELLING},
        {"alg": TELLING, "kid": TELLING},
        {"alg": "none"},
        {"alg": "ES256", "kid": '"}\n' + TELLING, "typ": TELLING},
    ]
    claims = [
        {"iss": TELLING, "sub": TELLING, "aud": TELLING, "exp": 2**40, "iat": 1},
        {"iss": LOCAL["issuer"], "sub": TELLING, "aud": "web", "exp": 2**40, "iat": 1, "client_id": TELLING},
    ]
    return [".".join((_part(one), _part(other), "AAAA")) for one in headers for other in claims]


def _part(document: dict[str, Any]) -> str:
    return to_base64url(json.dumps(document).encode())


@asynccontextmanager
async def running_everything(directory: Path) -> AsyncIterator[Everything]:
    """A local issuer, two providers, a workload issuer, limits, an audit stream, and five callers."""
    async with running_idp(directory / "idp.json") as idp:
        ahead = {"refresh_ahead": "10m", "reuse_access_token_above": "60s", "grace": "0s"}
        secret = {"client_secret_file": str(directory / "client-secret")}
        issuers = [LOCAL, scalekit(idp.issuer, directory, tenants=["org_1"], **ahead), OTHER | secret]
        config = Config(directory, {"audit": {"stream": "audit"}, "server": {"reflection": True}}, issuers)
        config.tables["server"]["anonymous"] = ["validate"]
        config.workload_issuers.append(
            {"issuer": idp.issuer, "preset": "kubernetes", "audience": "sessiond", "allow_http": True}
        )
        config.callers.append({"name": "orders", "groups": ["validate", "watch"], "workloads": [ORDERS]})
        config.limits = [
            {"on": ["create"], "per": "subject", "rate": "100/m"},
            {"on": ["refresh"], "per": "session", "rate": "100/m"},
            {"on": ["revoke"], "per": "caller", "rate": "1000/m"},
            {"on": ["failed_validation"], "per": "caller", "rate": "10000/m"},
        ]
        key = config.caller(
            "everything", ["validate", "session", "mint", "revoke", "revoke_bulk", "read", "watch", "adopt"]
        )
        for name in ("web", "shop"):
            config.caller(name, ["validate", "session", "read"])
        async with serving(config.write(), config.data, directory / "log") as server:
            yield Everything(idp, server, key)
