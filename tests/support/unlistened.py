"""A whole server that does not listen, over a real store and before a real provider.

Calls go through everything but gRPC, in the process of the test, which can look into it.
"""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sessiond.v1 import session_service_pb2 as messages
from sessiond_server.adapters.store.scripts.declaration import Lane
from sessiond_server.app.build import App, build
from sessiond_server.app.secrets import load_secrets
from sessiond_server.config.reader import read_file
from sessiond_server.transport.engine.port import Call, Status
from tests.support.config import scalekit
from tests.support.fakes import RecordingAudit, RecordingLogger, RecordingTelemetry
from tests.support.idp import REDIRECT_URI, VERIFIER, Idp, running_idp
from tests.support.local_issuer import on_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from google.protobuf.message import Message
    from redis.asyncio import Redis

LOCAL = "https://sessions.example"
PARTITIONS = 3
_GROUPS = ["session", "mint", "adopt", "read", "revoke", "revoke_bulk"]
_ANSWERS = {
    "CreateSession": messages.CreateSessionResponse,
    "RefreshSession": messages.RefreshSessionResponse,
    "RevokeSession": messages.RevokeSessionResponse,
    "ListSessions": messages.ListSessionsResponse,
}


@dataclass
class Unlistened:
    """The server, its provider, and what it has told."""

    app: App
    idp: Idp
    audit: RecordingAudit
    telemetry: Any
    logger: RecordingLogger

    @property
    def scripts(self) -> Any:
        return self.app.stores.sessions._scripts

    @property
    def redis(self) -> Redis:
        return self.scripts._nodes.clients[Lane.CALLS]

    async def call(self, method: str, request: Message) -> Any:
        """The answer, as a message or a status."""
        served = self.app.endpoints.unary[method]
        answer = await served(request.SerializeToString(), Call(method))
        return answer if isinstance(answer, Status) else _ANSWERS[method].FromString(answer)

    async def login(self, subject: str, *, tenant: str = "") -> messages.Tokens:
        """The tokens of a new session of the local issuer."""
        local = messages.LocalLogin(subject=subject, tenant_id=tenant)
        return await self._created(local_login=local)

    async def login_at_provider(self, **wanted: Any) -> messages.Tokens:
        """The same of the provider, whose tokens are brought."""
        given = await self.idp.login(**wanted)
        access, refresh = given["access_token"], given["refresh_token"]
        return await self._created(
            provider_tokens=messages.ProviderTokens(
                issuer=self.idp.issuer, access_token=access, refresh_token=refresh
            )
        )

    async def login_with_code(self, **wanted: Any) -> messages.Tokens:
        """The same, where a code is brought."""
        return await self._created(authorization_code=await self.code(**wanted))

    async def code(self, **wanted: Any) -> messages.AuthorizationCode:
        code = await self.idp.code(**wanted)
        return messages.AuthorizationCode(
            issuer=self.idp.issuer, code=code, redirect_uri=REDIRECT_URI, code_verifier=VERIFIER
        )

    async def adopt(self, token: str) -> messages.Tokens:
        """The tokens of the session that a refresh token of the provider opens."""
        return await self.refresh(token, issuer=self.idp.issuer)

    async def refresh(self, token: str, *, issuer: str = "") -> messages.Tokens:
        request = messages.RefreshSessionRequest(refresh_token=token, issuer=issuer)
        return (await self.call("RefreshSession", request)).tokens

    async def sessions(self, issuer: str, subject: str) -> list[Any]:
        """The live sessions of a subject."""
        wanted = messages.Subject(issuer=issuer, subject=subject)
        page = await self.call("ListSessions", messages.ListSessionsRequest(subject=wanted))
        return list(page.sessions)

    async def _created(self, **source: Any) -> messages.Tokens:
        return (await self.call("CreateSession", messages.CreateSessionRequest(**source))).tokens


@asynccontextmanager
async def unlistened(
    directory: Path, store_url: str, *, local: dict[str, Any] | None = None, **provider: Any
) -> AsyncIterator[Unlistened]:
    """A server over this store; `local` and `provider` are further settings of its two issuers.

    It reads no revocations by itself.
    """
    audit, logger, telemetry = RecordingAudit(), RecordingLogger(), RecordingTelemetry()
    async with running_idp(directory / "idp.json") as idp, AsyncExitStack() as stack:
        config = on_store(directory, store_url, partitions=PARTITIONS, on_store_loss="accept")
        config.tables |= {"server": {"anonymous": _GROUPS}, "revocation": {"max_staleness": "60s"}}
        config.issuers[0] |= {"client_id": "app", **(local or {})}
        config.issuers.append(
            scalekit(idp.issuer, directory, **{"adopt": True, "tenants": ["org_1"], **provider})
        )
        settings = read_file(config.write(), environment={}, insecure_plaintext=False)
        app = await build(
            settings,
            load_secrets(settings, directory=directory, logger=logger),
            store_url=store_url,
            stack=stack,
            telemetry=telemetry,
            logger=logger,
            sinks=[audit],
        )
        for partition in range(PARTITIONS):
            await app.revocations.catch_up(partition)
        yield Unlistened(app, idp, audit, telemetry, logger)
