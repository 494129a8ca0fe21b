"""The end of what many sessions share, over real gRPC: tokens, refreshes, and who may do it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from sessiond import (
    AsyncClient,
    Client,
    InvalidArgumentError,
    LoginRefusedError,
    PermissionDeniedError,
    ProviderTokens,
    Reason,
    RefreshRefusedError,
    Session,
)
from tests.support.config import Config, scalekit
from tests.support.idp import Idp, running_idp
from tests.support.server import ISSUER, Server, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessiond import Tokens

VALIDATED = "https://validated.example"


class Setting:
    """A server with a local issuer, a provider, and an issuer that has no sessions; and keys to it."""

    def __init__(self, config: Config, idp: Idp) -> None:
        self.idp = idp
        config.issuers += [
            {"issuer": ISSUER, "preset": "local", "audiences": ["app"], "client_id": "app"},
            scalekit(idp.issuer, config.directory, tenants=["org_1"]),
            {
                "issuer": VALIDATED,
                "preset": "oidc",
                "audiences": ["app"],
                "jwks_url": f"{VALIDATED}/jwks",
            },
        ]
        groups = ["validate", "session", "mint", "revoke", "revoke_bulk"]
        self.everybody = config.caller("everybody", groups)
        self.elsewhere = config.caller("elsewhere", groups, issuers=[VALIDATED])
        self.app = config.caller("app", groups, client_ids=["app"])
        self.revoker = config.caller("revoker", ["session", "revoke"])
        self.server: Server

    @asynccontextmanager
    async def client(self, key: str) -> AsyncIterator[AsyncClient]:
        async with AsyncClient(self.server.grpc, key=key, timeout=5) as client:
            yield client

    async def provider_session(self, client: AsyncClient, **wanted: str) -> Tokens:
        answer = await self.idp.login(**wanted)
        tokens = ProviderTokens(answer["access_token"], answer["refresh_token"])
        return await client.create_session(self.idp.issuer, tokens)


@pytest.fixture(scope="module")
async def setting(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Setting]:
    directory = tmp_path_factory.mktemp("b")
    async with running_idp(directory / "idp.json") as idp:
        config = Config(directory, tables={"server": {"anonymous": []}})
        found = Setting(config, idp)
        async with serving(config.write(), config.data, directory / "log") as found.server:
            yield found


@pytest.fixture
async def client(setting: Setting) -> AsyncIterator[AsyncClient]:
    async with setting.client(setting.everybody) as client:
        yield client


async def is_live(client: AsyncClient, tokens: Tokens) -> bool:
    """Whether the access token is accepted and the refresh token brings another, or neither."""
    verdict = await client.validate(tokens.access_token)
    if isinstance(verdict, Session):
        await client.refresh(tokens.refresh_token)
        return True
    assert verdict.reason is Reason.REVOKED
    with pytest.raises(RefreshRefusedError) as refused:
        await client.refresh(tokens.refresh_token)
    assert refused.value.reason == "SESSION_REVOKED"
    return False


@pytest.mark.parametrize(
    ("method", "identifiers", "login", "other"),
    [
        ("revoke_tenant", ["acme"], {"tenant_id": "acme"}, {"tenant_id": "other"}),
        ("revoke_client", ["web"], {"client_id": "web"}, {"client_id": "app"}),
        ("revoke_issuer", [], {}, None),
    ],
)
async def test_what_many_share_ends_and_a_login_right_behind_it_works(
    client: AsyncClient, method: str, identifiers: list[str], login: dict[str, Any], other: Any
) -> None:
    before = [await client.create_local_session(name, **login) for name in ("alice", "bob")]
    elsewhere = await client.create_local_session("alice", **other) if other else None
    ended = await getattr(client, method)(ISSUER, *identifiers)
    assert (bool(ended.revision), ended.sessions_ended) == (True, None)
    after = await client.create_local_session("alice", **login)
    assert [await is_live(client, tokens) for tokens in before] == [False, False]
    assert await is_live(client, after)
    assert elsewhere is None or await is_live(client, elsewhere)


async def test_a_providers_session_ends_with_all_that_live_by_it(
    setting: Setting, client: AsyncClient
) -> None:
    before = [await setting.provider_session(client, session="ses_shared") for _ in range(2)]
    other = await setting.provider_session(client)
    ended = await client.revoke_provider_session(setting.idp.issuer, "ses_shared")
    assert ended.sessions_ended is None
    assert [await is_live(client, tokens) for tokens in before] == [False, False]
    assert await is_live(client, other)


async def test_a_keys_tokens_are_refused_whenever_they_are_signed_and_open_nothing(
    setting: Setting, client: AsyncClient
) -> None:
    before = await setting.provider_session(client)
    verdict = await client.validate(before.access_token)
    assert isinstance(verdict, Session)
    await client.revoke_key(setting.idp.issuer, "another")
    assert isinstance(await client.validate(before.access_token), Session)
    await client.revoke_key(setting.idp.issuer, verdict.key_id)
    assert (await client.validate(before.access_token)).reason is Reason.REVOKED
    forged = await setting.idp.login()
    assert (await client.validate(forged["access_token"])).reason is Reason.REVOKED
    with pytest.raises(LoginRefusedError):
        await client.create_session(
            setting.idp.issuer, ProviderTokens(forged["access_token"], forged["refresh_token"])
        )
    await setting.idp.change_keys("add")
    assert await is_live(client, await setting.provider_session(client))


TARGETS = [
    ("revoke_provider_session", ["ses_1"], "provider_session.issuer"),
    ("revoke_tenant", ["acme"], "tenant.issuer"),
    ("revoke_client", ["app"], "client.issuer"),
    ("revoke_issuer", [], "issuer"),
    ("revoke_key", ["key-1"], "key.issuer"),
]


@pytest.mark.parametrize(("method", "identifiers", "field"), TARGETS)
async def test_an_issuer_has_to_be_a_configured_one_and_the_callers(
    setting: Setting, client: AsyncClient, method: str, identifiers: list[str], field: str
) -> None:
    assert (await getattr(client, method)(VALIDATED, *identifiers)).revision
    with pytest.raises(InvalidArgumentError) as refused:
        await getattr(client, method)("https://nobody.example", *identifiers)
    assert refused.value.metadata["field"] == field
    async with setting.client(setting.elsewhere) as elsewhere:
        assert (await getattr(elsewhere, method)(VALIDATED, *identifiers)).revision
        with pytest.raises(PermissionDeniedError) as denied:
            await getattr(elsewhere, method)(ISSUER, *identifiers)
    assert denied.value.reason == "CALLER_NOT_PERMITTED"


@pytest.mark.parametrize(("method", "identifiers", "_"), TARGETS)
async def test_a_caller_of_some_clients_ends_only_these(
    setting: Setting, client: AsyncClient, method: str, identifiers: list[str], _: str
) -> None:
    theirs = await client.create_local_session("alice", client_id="web", tenant_id="acme")
    async with setting.client(setting.app) as app:
        if method == "revoke_client":
            assert (await app.revoke_client(ISSUER, "app")).revision
            identifiers = ["web"]
        with pytest.raises(PermissionDeniedError) as denied:
            await getattr(app, method)(ISSUER, *identifiers)
    assert denied.value.reason == "CALLER_NOT_PERMITTED"
    assert await is_live(client, theirs)


@pytest.mark.parametrize(("method", "identifiers", "_"), TARGETS[1:])
async def test_ending_in_bulk_is_a_group_of_its_own(
    setting: Setting, method: str, identifiers: list[str], _: str
) -> None:
    async with setting.client(setting.revoker) as revoker:
        with pytest.raises(PermissionDeniedError):
            await getattr(revoker, method)(VALIDATED, *identifiers)
        assert (await revoker.revoke_provider_session(VALIDATED, "ses_1")).revision


@pytest.mark.parametrize(("method", "identifiers", "_"), TARGETS)
def test_the_blocking_client_has_the_same_methods(
    setting: Setting, method: str, identifiers: list[str], _: str
) -> None:
    with Client(setting.server.grpc, key=setting.everybody, timeout=5) as client:
        ended = getattr(client, method)(VALIDATED, *identifiers)
    assert (bool(ended.revision), ended.sessions_ended) == (True, None)
