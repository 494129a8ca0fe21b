"""Sessions at a provider, with a real provider process that misbehaves on command."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from sessiond import (
    AsyncClient,
    AuthorizationCode,
    InvalidArgumentError,
    LoginRefusedError,
    PermissionDeniedError,
    ProviderTokens,
    Reason,
    RefreshRefusedError,
    Rejection,
    Session,
    UnavailableError,
)
from sessiond_server.adapters.store.connection import StoreAddress, connect
from sessiond_server.domain.identifiers import SessionId
from tests.support.config import Config, other_client, scalekit
from tests.support.idp import CLIENT_ID, OTHER_CLIENT_ID, REDIRECT_URI, VERIFIER, Idp, running_idp
from tests.support.proofs import Prover
from tests.support.refreshes_once import RefreshesOnce
from tests.support.server import Server, serving
from tests.support.store import HOUR, Store, connected
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sessiond import Tokens


@dataclass
class Deployment:
    """A server before a provider, and a client of it."""

    idp: Idp
    server: Server
    client: AsyncClient
    config: Config

    async def session(self, **wanted: str) -> Tokens:
        return await self.client.create_session(
            self.idp.issuer, provider_tokens(await self.idp.login(**wanted))
        )


def provider_tokens(answer: dict[str, str]) -> ProviderTokens:
    return ProviderTokens(answer["access_token"], answer["refresh_token"], answer.get("id_token", ""))


@pytest.fixture(scope="session")
async def deployment(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Deployment]:
    directory = tmp_path_factory.mktemp("p")
    async with running_idp(directory / "idp.json") as idp:
        audiences = [CLIENT_ID, OTHER_CLIENT_ID]
        other = other_client(directory)
        config = Config(
            directory, issuers=[scalekit(idp.issuer, directory, audiences=audiences, clients=[other])]
        )
        config.tables["server"] = {"anonymous": ["validate", "session", "revoke", "read"]}
        async with (
            serving(config.write(), config.data, directory / "1.log") as server,
            RefreshesOnce(server.grpc, timeout=10) as client,
        ):
            yield Deployment(idp, server, client, config)


@pytest.fixture(autouse=True)
async def well_behaved(deployment: Deployment) -> None:
    """Every test begins with a provider that does what it should."""
    await deployment.idp.switch(
        rotation="strict",
        latency=0,
        status=0,
        error="",
        times=0,
        lose=0,
        claims={},
        keys="good",
        access_lifetime=300,
        omit_refresh_token=False,
        refresh_life={},
    )


async def test_from_a_code_to_a_session_and_on(deployment: Deployment) -> None:
    client, idp = deployment.client, deployment.idp
    code = AuthorizationCode(await idp.code(nonce="n-1"), REDIRECT_URI, VERIFIER, nonce="n-1")
    opened = await client.create_session_from_code(idp.issuer, code)
    assert opened.session.session_id.startswith("sds_")
    assert opened.session.tenant_id == "org_1"
    assert opened.session.provider_session_id.startswith("ses_")
    verdict = await client.validate(opened.access_token, scopes=["orders"], permissions=["orders:read"])
    assert isinstance(verdict, Session)
    assert verdict.session_id == ""
    refreshed = await client.refresh(opened.refresh_token)
    assert refreshed.session.session_id == opened.session.session_id
    assert refreshed.access_token != opened.access_token
    assert (await idp.counts())["refreshed"] == 1
    record = await client.get_session(opened.session.session_id)
    assert record.session.provider_session_id == opened.session.provider_session_id


async def test_a_code_opens_one_session(deployment: Deployment) -> None:
    code = AuthorizationCode(await deployment.idp.code(), REDIRECT_URI, VERIFIER)
    await deployment.client.create_session_from_code(deployment.idp.issuer, code)
    with pytest.raises(LoginRefusedError) as refused:
        await deployment.client.create_session_from_code(deployment.idp.issuer, code)
    assert refused.value.metadata == {"rejection": "INVALID_GRANT"}


@pytest.mark.parametrize(
    ("change", "rejection"),
    [({"code_verifier": "w" * 43}, "INVALID_GRANT"), ({"nonce": "another"}, "ID_TOKEN_INVALID")],
)
async def test_a_code_of_another_login_opens_nothing(
    deployment: Deployment, change: dict[str, str], rejection: str
) -> None:
    given = {
        "code": await deployment.idp.code(nonce="n-1"),
        "redirect_uri": REDIRECT_URI,
        "code_verifier": VERIFIER,
    } | change
    with pytest.raises(LoginRefusedError) as refused:
        await deployment.client.create_session_from_code(deployment.idp.issuer, AuthorizationCode(**given))
    assert refused.value.metadata == {"rejection": rejection}


@pytest.mark.parametrize("verifier", ["", "v" * 42, "v" * 129, "v" * 42 + "+", "v" * 43 + "\n"])
async def test_a_verifier_is_what_its_specification_says(deployment: Deployment, verifier: str) -> None:
    code = AuthorizationCode("c", REDIRECT_URI, verifier)
    with pytest.raises(InvalidArgumentError) as refused:
        await deployment.client.create_session_from_code(deployment.idp.issuer, code)
    assert refused.value.metadata["field"] == "authorization_code.code_verifier"
    assert refused.value.metadata["found"] == f"{len(verifier)} characters"
    assert (await deployment.idp.counts())["token"] == 0


async def test_a_redirect_address_is_one_of_the_configured_ones(deployment: Deployment) -> None:
    code = AuthorizationCode("c", "https://evil.example/callback", VERIFIER)
    with pytest.raises(InvalidArgumentError) as refused:
        await deployment.client.create_session_from_code(deployment.idp.issuer, code)
    assert refused.value.metadata["field"] == "authorization_code.redirect_uri"
    assert (await deployment.idp.counts())["token"] == 0


@pytest.mark.parametrize(
    ("claims", "rejection"),
    [
        ({"client_id": "skc_other"}, "CLIENT_MISMATCH"),
        ({"aud": ["other"]}, "AUDIENCE_MISMATCH"),
        ({"exp": 1_700_000_000, "iat": 1_699_999_000}, "EXPIRED"),
        ({"nonce": "n"}, "TYPE_NOT_ALLOWED"),
        ({"iss": "https://other.example"}, "ISSUER_NOT_TRUSTED"),
        ({"jti": None}, "CLAIM_MISSING"),
        ({"cnf": {"jkt": "x"}}, "BINDING_MISMATCH"),
    ],
)
async def test_tokens_that_prove_no_login_here_open_nothing(
    deployment: Deployment, claims: dict, rejection: str
) -> None:
    await deployment.idp.switch(claims=claims)
    with pytest.raises(LoginRefusedError) as refused:
        await deployment.session()
    assert refused.value.metadata == {"rejection": rejection}


async def test_a_login_with_an_opaque_access_token_says_what_to_change(deployment: Deployment) -> None:
    tokens = ProviderTokens("ory_at_x.y", (await deployment.idp.login())["refresh_token"])
    with pytest.raises(LoginRefusedError, match="have its provider issue access tokens as JWTs") as refused:
        await deployment.client.create_session(deployment.idp.issuer, tokens)
    assert refused.value.metadata == {"rejection": "MALFORMED"}


async def test_an_id_token_of_another_opens_nothing(deployment: Deployment) -> None:
    mine, theirs = await deployment.idp.login(), await deployment.idp.login(subject="usr_2")
    tokens = ProviderTokens(mine["access_token"], mine["refresh_token"], theirs["id_token"])
    with pytest.raises(LoginRefusedError) as refused:
        await deployment.client.create_session(deployment.idp.issuer, tokens)
    assert refused.value.metadata == {"rejection": "ID_TOKEN_INVALID"}


@pytest.mark.slow
async def test_what_a_code_brought_and_opened_no_session_is_revoked(deployment: Deployment) -> None:
    client, idp = deployment.client, deployment.idp
    before = len((await idp.counts())["revoked"])
    refusals = (
        ({}, "another", "ID_TOKEN_INVALID"),
        ({"client_id": "skc_other"}, "", "CLIENT_MISMATCH"),
        ({"exp": 1_700_000_000, "iat": 1_699_999_000}, "", "EXPIRED"),
    )
    for claims, nonce, rejection in refusals:
        await idp.switch(claims=claims)
        code = AuthorizationCode(await idp.code(nonce="n-1"), REDIRECT_URI, VERIFIER, nonce=nonce)
        with pytest.raises(LoginRefusedError) as refused:
            await client.create_session_from_code(idp.issuer, code)
        assert refused.value.metadata == {"rejection": rejection}
    await eventually(partial(_revoked_at_least, idp, before + len(refusals)), timeout=15)


async def test_a_code_is_not_lost_where_its_caller_leaves(deployment: Deployment) -> None:
    """It is good once: what it brought is in a session, which can be found and ended."""
    client, idp = deployment.client, deployment.idp
    code = AuthorizationCode(await idp.code(subject="usr_leaves"), REDIRECT_URI, VERIFIER)
    await idp.switch(latency=0.5)
    with pytest.raises(UnavailableError):
        await client.create_session_from_code(idp.issuer, code, timeout=0.2)
    await idp.switch(latency=0)

    async def is_open() -> bool:
        return bool([one async for one in client.list_sessions(idp.issuer, "usr_leaves")])

    await eventually(is_open)


@pytest.mark.slow
async def test_what_a_login_brought_that_was_refused_for_good_is_revoked(deployment: Deployment) -> None:
    client, idp = deployment.client, deployment.idp
    mine, theirs = await idp.login(), await idp.login(subject="usr_2")
    tokens = ProviderTokens(mine["access_token"], mine["refresh_token"], theirs["id_token"])
    with pytest.raises(LoginRefusedError):
        await client.create_session(idp.issuer, tokens)
    revoked = await eventually(partial(_has_revoked, idp, mine["refresh_token"]), timeout=15)
    assert theirs["refresh_token"] not in revoked


async def test_an_id_token_is_no_access_token(deployment: Deployment) -> None:
    verdict = await deployment.client.validate((await deployment.idp.login())["id_token"])
    assert isinstance(verdict, Rejection)
    assert verdict.reason is Reason.TYPE_NOT_ALLOWED


async def test_without_a_refresh_token_the_missing_scope_is_named(deployment: Deployment) -> None:
    answer = await deployment.idp.login()
    with pytest.raises(InvalidArgumentError, match="offline_access"):
        await deployment.client.create_session(
            deployment.idp.issuer, ProviderTokens(answer["access_token"], "")
        )


async def test_fifty_refreshes_on_two_servers_are_one_exchange(
    deployment: Deployment, tmp_path: Path
) -> None:
    config = deployment.config
    other = Config(config.directory, issuers=config.issuers, tables=dict(config.tables))
    other.tables["store"] = {"url": f"unix://{config.data}/valkey.sock"}
    other.tables["keys"] = {
        "pepper_files": [str(config.data / "pepper")],
        "sealing_files": [str(config.data / "sealing-key")],
    }
    async with (
        serving(other.write("second.toml"), config.data, tmp_path / "2.log") as second,
        RefreshesOnce(second.grpc, timeout=20) as there,
    ):
        opened = await deployment.session()
        await deployment.idp.switch(latency=0.3)
        clients = [deployment.client, there] * 25
        answers = await asyncio.gather(
            *(client.refresh(opened.refresh_token, timeout=20) for client in clients)
        )
        assert len({answer.refresh_token for answer in answers}) == 1
        assert len({answer.access_token for answer in answers}) == 1
        assert sum(not answer.replayed for answer in answers) == 1
        assert (await deployment.idp.counts())["refreshed"] == 1


async def test_a_provider_that_is_away_costs_no_session(deployment: Deployment) -> None:
    opened = await deployment.session()
    await deployment.idp.stop()
    with pytest.raises(UnavailableError) as refused:
        await deployment.client.refresh(opened.refresh_token)
    assert refused.value.reason == "PROVIDER_UNAVAILABLE"
    assert refused.value.retry_after is not None
    assert isinstance(await deployment.client.validate(opened.access_token), Session)
    await deployment.idp.start()
    refreshed = await deployment.client.refresh(opened.refresh_token)
    assert refreshed.session.session_id == opened.session.session_id


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (429, "rate_limited"),
        (500, "server_error"),
        (503, ""),
        (401, "invalid_client"),
        (400, "invalid_request"),
    ],
)
async def test_a_provider_that_does_not_decide_costs_no_session(
    deployment: Deployment, status: int, error: str
) -> None:
    opened = await deployment.session()
    await deployment.idp.switch(status=status, error=error, times=1)
    with pytest.raises(UnavailableError) as refused:
        await deployment.client.refresh(opened.refresh_token)
    assert refused.value.reason == "PROVIDER_UNAVAILABLE"
    assert (
        await deployment.client.refresh(opened.refresh_token)
    ).session.session_id == opened.session.session_id


@pytest.mark.slow
async def test_a_session_of_another_client_of_ours_lives_by_that_clients_credentials(
    deployment: Deployment,
) -> None:
    client, idp = deployment.client, deployment.idp
    opened = await deployment.session(client_id=OTHER_CLIENT_ID)
    assert opened.session.client_id == OTHER_CLIENT_ID
    refreshed = await client.refresh(opened.refresh_token)
    assert refreshed.session.client_id == OTHER_CLIENT_ID
    before = len((await idp.counts())["revoked"])
    await client.revoke_session(opened.session.session_id)
    await eventually(lambda: _revoked_at_least(idp, before + 1), timeout=15)


async def test_an_id_token_is_judged_by_the_client_of_its_login(deployment: Deployment) -> None:
    client, idp = deployment.client, deployment.idp
    mine, other = await idp.login(), await idp.login(client_id=OTHER_CLIENT_ID)
    assert (await client.create_session(idp.issuer, provider_tokens(other))).session is not None
    with pytest.raises(LoginRefusedError) as refused:
        await client.create_session(
            idp.issuer, ProviderTokens(other["access_token"], other["refresh_token"], mine["id_token"])
        )
    assert refused.value.metadata == {"rejection": "ID_TOKEN_INVALID"}


async def test_a_session_that_the_provider_ended_ends_here(deployment: Deployment) -> None:
    opened = await deployment.session()
    await deployment.idp.switch(status=400, error="invalid_grant", times=1)
    for reason in ("PROVIDER_REFUSED", "SESSION_REVOKED"):
        with pytest.raises(RefreshRefusedError) as refused:
            await deployment.client.refresh(opened.refresh_token)
        assert refused.value.reason == reason
    verdict = await deployment.client.validate(opened.access_token)
    assert isinstance(verdict, Rejection)
    assert verdict.reason is Reason.REVOKED


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "usr_mallory"},
        {"oid": "org_2"},
        {"client_id": "skc_other"},
        {"sub": "usr_mallory", "aud": ["x"]},
    ],
    ids=" and ".join,
)
@pytest.mark.slow
async def test_a_token_that_is_not_of_the_session_ends_it(deployment: Deployment, claims: dict) -> None:
    opened = await deployment.session()
    await deployment.idp.switch(claims=claims)
    with pytest.raises(RefreshRefusedError) as refused:
        await deployment.client.refresh(opened.refresh_token)
    assert refused.value.reason == "PROVIDER_REFUSED"
    assert await deployment.server.said(level="error", session_id=opened.session.session_id)
    verdict = await deployment.client.validate(opened.access_token)
    assert isinstance(verdict, Rejection)
    await eventually(lambda: _revoked_at_least(deployment.idp, 2), timeout=15)


@pytest.mark.parametrize(
    ("claims", "reason"),
    [({"aud": ["x"]}, "AUDIENCE_MISMATCH"), ({"client_id": None, "azp": None, "aud": None}, "CLAIM_MISSING")],
)
async def test_a_slip_at_the_provider_ends_no_session(
    deployment: Deployment, claims: dict[str, Any], reason: str
) -> None:
    opened = await deployment.session()
    await deployment.idp.switch(claims=claims)
    with pytest.raises(UnavailableError) as held:
        await deployment.client.refresh(opened.refresh_token, timeout=3)
    assert held.value.reason == "PROVIDER_UNAVAILABLE"
    (told,) = await deployment.server.said(session_id=opened.session.session_id, reason=reason)
    assert (told["level"], told["pause_seconds"]) == ("error", 1.0)
    await deployment.idp.switch(claims={})
    refreshed = await eventually(partial(_refreshed, deployment, opened.refresh_token), timeout=10)
    assert refreshed.session.session_id == opened.session.session_id
    assert isinstance(await deployment.client.validate(refreshed.access_token), Session)
    assert (await deployment.client.refresh(refreshed.refresh_token)).session is not None


@pytest.mark.slow
async def test_a_key_rotation_whose_keys_cannot_be_had_yet_ends_no_session(tmp_path: Path) -> None:
    async with running_idp(tmp_path / "idp.json") as idp:
        config = Config(tmp_path, issuers=[scalekit(idp.issuer, tmp_path)])
        async with (
            serving(config.write(), config.data, tmp_path / "1.log") as server,
            RefreshesOnce(server.grpc, timeout=10) as client,
        ):
            deployment = Deployment(idp, server, client, config)
            opened = await deployment.session()
            await idp.change_keys("add")
            await idp.switch(keys="500")
            with pytest.raises(UnavailableError) as held:
                await client.refresh(opened.refresh_token, timeout=5)
            assert held.value.reason == "PROVIDER_UNAVAILABLE"
            assert await server.said(session_id=opened.session.session_id, reason="KEYS_UNAVAILABLE")
            await idp.switch(keys="good")
            refreshed = await eventually(partial(_refreshed, deployment, opened.refresh_token), timeout=30)
            assert isinstance(await client.validate(refreshed.access_token), Session)


async def test_scopes_that_a_provider_widens_are_its_decision(deployment: Deployment) -> None:
    opened = await deployment.session()
    await deployment.idp.switch(claims={"scope": "openid offline_access orders admin"})
    refreshed = await deployment.client.refresh(opened.refresh_token)
    assert isinstance(await deployment.client.validate(refreshed.access_token, scopes=["admin"]), Session)


async def _refreshed(deployment: Deployment, token: str) -> Tokens | None:
    try:
        return await deployment.client.refresh(token, timeout=5)
    except UnavailableError:
        return None


async def _revoked_at_least(idp: Idp, number: int) -> bool:
    return len((await idp.counts())["revoked"]) >= number


async def _has_revoked(idp: Idp, token: str) -> list[str]:
    revoked: list[str] = (await idp.counts())["revoked"]
    return revoked if token in revoked else []


async def test_a_caller_that_leaves_loses_no_session(deployment: Deployment) -> None:
    opened = await deployment.session()
    await deployment.idp.switch(latency=0.5)
    with pytest.raises(UnavailableError):
        await deployment.client.refresh(opened.refresh_token, timeout=0.1)
    refreshed = await deployment.client.refresh(opened.refresh_token, timeout=10)
    assert refreshed.replayed
    assert (await deployment.idp.counts())["refreshed"] == 1


async def test_a_logout_revokes_at_the_provider_too(deployment: Deployment) -> None:
    opened = await deployment.session()
    before = len((await deployment.idp.counts())["revoked"])
    revoked = await deployment.client.revoke_session(opened.session.session_id)
    assert revoked.sessions_ended == 1
    verdict = await deployment.client.validate(opened.access_token)
    assert isinstance(verdict, Rejection)
    assert verdict.reason is Reason.REVOKED
    await eventually(lambda: _revoked_at_least(deployment.idp, before + 1), timeout=15)


async def test_a_logout_by_the_providers_access_token_ends_the_session(deployment: Deployment) -> None:
    opened = await deployment.session()
    assert (await deployment.client.revoke_access_token(opened.access_token)).sessions_ended == 1
    with pytest.raises(RefreshRefusedError) as refused:
        await deployment.client.refresh(opened.refresh_token)
    assert refused.value.reason == "SESSION_REVOKED"


async def test_tokens_without_a_session_of_the_provider_die_with_ours(deployment: Deployment) -> None:
    await deployment.idp.switch(claims={"sid": None})
    opened = await deployment.session()
    refreshed = await deployment.client.refresh(opened.refresh_token)
    await deployment.client.revoke_session(opened.session.session_id)
    for token in (opened.access_token, refreshed.access_token):
        verdict = await deployment.client.validate(token)
        assert isinstance(verdict, Rejection)
        assert verdict.reason is Reason.REVOKED


async def test_a_new_key_is_found_by_its_first_token(deployment: Deployment) -> None:
    await deployment.idp.change_keys("add")
    assert isinstance(
        await deployment.client.validate((await deployment.idp.login())["access_token"]), Session
    )


async def test_a_provider_that_keeps_its_refresh_token(deployment: Deployment) -> None:
    await deployment.idp.switch(rotation="static")
    opened = await deployment.session()
    first = await deployment.client.refresh(opened.refresh_token)
    await deployment.idp.switch(omit_refresh_token=True)
    second = await deployment.client.refresh(first.refresh_token)
    assert (
        await deployment.client.refresh(second.refresh_token)
    ).session.session_id == opened.session.session_id


async def opened_by_code(deployment: Deployment) -> Tokens:
    code = AuthorizationCode(await deployment.idp.code(), REDIRECT_URI, VERIFIER)
    return await deployment.client.create_session_from_code(deployment.idp.issuer, code)


@pytest.mark.parametrize("name", ["refresh_expires_in", "refresh_token_expires_in", "refresh_token_timeout"])
async def test_a_session_ends_unused_when_its_providers_refresh_token_does(
    deployment: Deployment, name: str
) -> None:
    client, idp = deployment.client, deployment.idp
    await idp.switch(refresh_life={name: 1800})
    opened = await opened_by_code(deployment)
    await idp.switch(refresh_life={name: 3600})
    refreshed = await client.refresh(opened.refresh_token)
    lives = [tokens.refresh_expire_time.timestamp() - time.time() for tokens in (opened, refreshed)]
    assert lives == pytest.approx([1800, 3600], abs=60)
    await time_passes(deployment, opened, hours=1)
    await idp.switch()
    with pytest.raises(RefreshRefusedError) as refused:
        await client.refresh(refreshed.refresh_token)
    assert refused.value.reason == "SESSION_IDLE_TIMEOUT"
    assert (await idp.counts())["refreshed"] == 0


async def test_a_refresh_token_that_is_good_for_longer_prolongs_no_session(deployment: Deployment) -> None:
    opened = await opened_by_code(deployment)
    await deployment.idp.switch(refresh_life={"refresh_expires_in": 400 * 86_400})
    refreshed = await deployment.client.refresh(opened.refresh_token)
    difference = refreshed.refresh_expire_time - opened.refresh_expire_time
    assert 0 <= difference.total_seconds() < 60


async def test_an_access_token_that_ends_on_its_way_costs_no_session(deployment: Deployment) -> None:
    """By the store's clock it has expired already; by the leeway on `exp` it is still good."""
    opened = await deployment.session()
    now = int(time.time())
    await deployment.idp.switch(claims={"iat": now - 300, "exp": now - 5})
    first = await deployment.client.refresh(opened.refresh_token)
    assert isinstance(await deployment.client.validate(first.access_token), Session)
    await deployment.idp.switch(claims={})
    second = await deployment.client.refresh(first.refresh_token)
    assert second.session.session_id == opened.session.session_id


async def test_nothing_secret_is_logged(deployment: Deployment) -> None:
    answer = await deployment.idp.login()
    opened = await deployment.client.create_session(deployment.idp.issuer, provider_tokens(answer))
    refreshed = await deployment.client.refresh(opened.refresh_token)
    log = deployment.server.log.read_text()
    for secret in (
        answer["access_token"],
        answer["refresh_token"],
        opened.refresh_token,
        refreshed.access_token,
        "test_secret",
    ):
        assert secret not in log


async def test_a_bound_session_asks_its_provider_for_whoever_has_the_key_alone(
    deployment: Deployment,
) -> None:
    client, idp = deployment.client, deployment.idp
    prover = Prover(generate_private_key(SECP256R1()))
    new_proof = partial(prover.proof, "POST", "https://app.example/refresh")
    code = AuthorizationCode(await idp.code(), REDIRECT_URI, VERIFIER)
    with pytest.raises(LoginRefusedError):
        await client.create_session_from_code(idp.issuer, code, dpop=new_proof(htm="GET"))
    # The code was not spent on it.
    opened = await client.create_session_from_code(idp.issuer, code, dpop=new_proof())
    await idp.switch()
    with pytest.raises(RefreshRefusedError, match="possession"):
        await client.refresh(opened.refresh_token)
    assert (await idp.counts())["token"] == 0
    # A call that failed may be repeated with the proof that it had.
    await idp.switch(status=503, times=1)
    proof = new_proof()
    with pytest.raises(UnavailableError):
        await client.refresh(opened.refresh_token, dpop=proof)
    refreshed = await client.refresh(opened.refresh_token, dpop=proof)
    assert refreshed.session.session_id == opened.session.session_id
    given = provider_tokens(await idp.login())
    by_tokens = await client.create_session(idp.issuer, given, certificate_sha256=bytes(32))
    assert (await client.refresh(by_tokens.refresh_token, certificate_sha256=bytes(32))).refresh_token


@asynccontextmanager
async def in_the_store(deployment: Deployment, opened: Tokens) -> AsyncIterator[tuple[Store, SessionId]]:
    redis = connect(StoreAddress(f"unix://{deployment.config.data}/valkey.sock"))
    session = SessionId.find(opened.session.session_id)
    assert session is not None
    yield connected(redis), session
    await redis.aclose()


async def lease_runs_out(deployment: Deployment, opened: Tokens) -> None:
    """Let the fifteen seconds pass, for this session."""
    async with in_the_store(deployment, opened) as (store, session):
        await store.change(session, lease_until_ms=1)


async def time_passes(deployment: Deployment, opened: Tokens, *, hours: int) -> None:
    async with in_the_store(deployment, opened) as (store, session):
        await store.age(session, hours * HOUR)


async def lose_a_reply(deployment: Deployment, rotation: str) -> Tokens:
    """A session whose refresh token the provider has spent, while its answer was lost."""
    opened = await deployment.session()
    await deployment.idp.switch(rotation=rotation, lose=1)
    with pytest.raises(UnavailableError) as refused:
        await deployment.client.refresh(opened.refresh_token)
    assert refused.value.reason == "PROVIDER_UNAVAILABLE"
    return opened


async def test_a_connection_that_was_closed_holds_nobody_up(deployment: Deployment) -> None:
    opened = await lose_a_reply(deployment, "grace")
    refreshed = await deployment.client.refresh(opened.refresh_token)
    assert refreshed.session.session_id == opened.session.session_id
    assert (await deployment.idp.counts())["refreshed"] == 2


@pytest.mark.parametrize("rotation", ["grace", "static"])
async def test_a_lost_reply_costs_nothing_where_the_provider_answers_again(
    deployment: Deployment, rotation: str
) -> None:
    opened = await lose_a_reply(deployment, rotation)
    refreshed = await deployment.client.refresh(opened.refresh_token)
    assert refreshed.session.session_id == opened.session.session_id


async def test_a_lost_reply_of_a_strict_provider_is_no_theft(deployment: Deployment) -> None:
    opened = await lose_a_reply(deployment, "strict")
    with pytest.raises(RefreshRefusedError) as refused:
        await deployment.client.refresh(opened.refresh_token)
    assert refused.value.reason == "PROVIDER_REFUSED"
    told = await deployment.server.said(level="warning", session_id=opened.session.session_id)
    assert [line["cause"] for line in told] == ["PROVIDER_LOST"]


async def test_a_provider_that_breaks_behind_its_commit_leaves_doubt_and_no_lease(
    deployment: Deployment,
) -> None:
    opened = await deployment.session()
    await deployment.idp.switch(break_after=1)
    with pytest.raises(UnavailableError):
        await deployment.client.refresh(opened.refresh_token)
    with pytest.raises(RefreshRefusedError):
        await deployment.client.refresh(opened.refresh_token)
    told = await deployment.server.said(level="warning", session_id=opened.session.session_id)
    assert [line["cause"] for line in told] == ["PROVIDER_LOST"]


async def test_doubt_outlives_an_answer_that_decides_nothing(deployment: Deployment) -> None:
    opened = await lose_a_reply(deployment, "strict")
    await deployment.idp.switch(status=429, error="slow_down", times=1)
    with pytest.raises(UnavailableError):
        await deployment.client.refresh(opened.refresh_token)
    with pytest.raises(RefreshRefusedError):
        await deployment.client.refresh(opened.refresh_token)
    told = await deployment.server.said(level="warning", session_id=opened.session.session_id)
    assert [line["cause"] for line in told] == ["PROVIDER_LOST"]


async def test_a_stale_holder_may_still_bring_a_success(deployment: Deployment) -> None:
    opened = await deployment.session()
    await deployment.idp.switch(rotation="static", latency=0.6)
    slow = asyncio.create_task(deployment.client.refresh(opened.refresh_token))
    await eventually(lambda: _asked(deployment.idp, 1))
    await lease_runs_out(deployment, opened)
    second = await deployment.client.refresh(opened.refresh_token)
    assert (await slow).refresh_token == second.refresh_token


async def _asked(idp: Idp, number: int) -> bool:
    return (await idp.counts())["token"] >= number


async def test_a_stale_holder_ends_nothing(deployment: Deployment) -> None:
    opened = await deployment.session()
    await deployment.idp.switch(status=400, error="invalid_grant", times=1, latency=0.6)
    slow = asyncio.create_task(deployment.client.refresh(opened.refresh_token, timeout=3))
    await eventually(lambda: _asked(deployment.idp, 1))
    await lease_runs_out(deployment, opened)
    # By the time the refusal comes, another call has the lease: that call's word counts.
    second = await deployment.client.refresh(opened.refresh_token)
    assert (await slow).refresh_token == second.refresh_token
    assert second.session.session_id == opened.session.session_id


async def test_a_stale_holder_ends_nothing_even_where_nobody_else_came(deployment: Deployment) -> None:
    opened = await deployment.session()
    await deployment.idp.switch(status=400, error="invalid_grant", times=1, latency=0.4)
    slow = asyncio.create_task(deployment.client.refresh(opened.refresh_token, timeout=5))
    await eventually(lambda: _asked(deployment.idp, 1))
    await lease_runs_out(deployment, opened)
    assert (await slow).session.session_id == opened.session.session_id


@pytest.mark.slow
async def test_a_server_that_dies_at_the_provider_loses_no_session(tmp_path: Path) -> None:
    async with running_idp(tmp_path / "idp.json") as idp:
        config = Config(tmp_path, issuers=[scalekit(idp.issuer, tmp_path)])
        async with (
            serving(config.write(), config.data, tmp_path / "1.log") as server,
            RefreshesOnce(server.grpc, timeout=10) as client,
        ):
            opened = await client.create_session(idp.issuer, provider_tokens(await idp.login()))
            await idp.switch(latency=5, rotation="grace")
            lost = asyncio.create_task(client.refresh(opened.refresh_token))
            await eventually(lambda: _asked(idp, 1))
            await server.kill()
            with pytest.raises(UnavailableError):
                await lost
        await idp.switch(latency=0)
        async with (
            serving(config.write(), config.data, tmp_path / "2.log") as server,
            RefreshesOnce(server.grpc, timeout=10) as client,
        ):
            await lease_runs_out(Deployment(idp, server, client, config), opened)
            refreshed = await client.refresh(opened.refresh_token)
            assert refreshed.session.session_id == opened.session.session_id


async def test_a_caller_spends_no_code_of_a_client_that_is_not_its_own(tmp_path: Path) -> None:
    async with running_idp(tmp_path / "idp.json") as idp:
        config = Config(tmp_path, issuers=[scalekit(idp.issuer, tmp_path)])
        key = config.caller("other", ["session"], client_ids=["skc_other"])
        async with (
            serving(config.write(), config.data, tmp_path / "1.log") as server,
            RefreshesOnce(server.grpc, key=key, timeout=10) as client,
        ):
            code = AuthorizationCode(await idp.code(), REDIRECT_URI, VERIFIER)
            with pytest.raises(PermissionDeniedError):
                await client.create_session_from_code(idp.issuer, code)
            assert (await idp.counts())["token"] == 0


async def test_a_caller_ends_by_access_token_what_is_of_its_clients_alone(tmp_path: Path) -> None:
    async with running_idp(tmp_path / "idp.json") as idp:
        config = Config(tmp_path, issuers=[scalekit(idp.issuer, tmp_path)])
        mine, other = (
            config.caller(name, ["session", "validate"], client_ids=[name])
            for name in (CLIENT_ID, "skc_other")
        )
        async with (
            serving(config.write(), config.data, tmp_path / "1.log") as server,
            RefreshesOnce(server.grpc, key=mine, timeout=10) as here,
            RefreshesOnce(server.grpc, key=other, timeout=10) as there,
        ):
            tokens = provider_tokens(await idp.login())
            with pytest.raises(PermissionDeniedError):
                await there.create_session(idp.issuer, tokens)
            opened = await here.create_session(idp.issuer, tokens)
            assert (await there.revoke_access_token(opened.access_token)).sessions_ended == 0
            with pytest.raises(RefreshRefusedError) as refused:
                await there.refresh(opened.refresh_token)
            assert refused.value.reason == "REFRESH_TOKEN_INVALID"
            assert isinstance(await here.validate(opened.access_token), Session)
            assert (await here.revoke_access_token(opened.access_token)).sessions_ended == 1


async def test_an_access_token_with_life_left_is_handed_out_again(tmp_path: Path) -> None:
    async with running_idp(tmp_path / "idp.json") as idp:
        config = Config(tmp_path, issuers=[scalekit(idp.issuer, tmp_path, reuse_access_token_above="60s")])
        async with (
            serving(config.write(), config.data, tmp_path / "1.log") as server,
            RefreshesOnce(server.grpc, timeout=10) as client,
        ):
            opened = await client.create_session(idp.issuer, provider_tokens(await idp.login()))
            second = await client.refresh(opened.refresh_token)
            assert second.access_token == opened.access_token
            assert second.refresh_token != opened.refresh_token
            assert (await client.refresh(opened.refresh_token)).refresh_token == second.refresh_token
            await idp.switch(access_lifetime=30)
            short = await client.create_session(idp.issuer, provider_tokens(await idp.login()))
            assert (await client.refresh(short.refresh_token)).access_token != short.access_token
            assert (await idp.counts())["refreshed"] == 1


@pytest.mark.slow
async def test_a_provider_that_is_down_at_the_start(tmp_path: Path) -> None:
    async with running_idp(tmp_path / "idp.json") as idp:
        tokens = provider_tokens(await idp.login())
        await idp.stop()
        config = Config(tmp_path, issuers=[scalekit(idp.issuer, tmp_path)])
        async with (
            serving(config.write(), config.data, tmp_path / "1.log", until="not serving") as server,
            RefreshesOnce(server.grpc, timeout=10) as client,
        ):
            await eventually(
                lambda: any(
                    f"no keys of {idp.issuer} can be had" in line.get("reasons", [])
                    for line in server.lines()
                )
            )
            with pytest.raises(UnavailableError) as refused:
                await client.validate(tokens.access_token, timeout=0.5)
            assert refused.value.reason in {"KEYS_UNAVAILABLE", ""}
            await idp.start()
            await eventually(lambda: "serving" in server.events(), timeout=20)
            assert isinstance(await client.validate(tokens.access_token), Session)


async def test_who_waits_for_anothers_exchange_is_judged_as_of_their_arrival(tmp_path: Path) -> None:
    async with running_idp(tmp_path / "idp.json") as idp:
        config = Config(tmp_path, issuers=[scalekit(idp.issuer, tmp_path, grace="0s")])
        async with (
            serving(config.write(), config.data, tmp_path / "1.log") as server,
            RefreshesOnce(server.grpc, timeout=10) as client,
        ):
            opened = await client.create_session(idp.issuer, provider_tokens(await idp.login()))
            await idp.switch(latency=0.5)
            first = asyncio.create_task(client.refresh(opened.refresh_token))
            await eventually(lambda: _asked(idp, 1))
            waiting = await client.refresh(opened.refresh_token)
            assert waiting.replayed
            assert (await first).refresh_token == waiting.refresh_token
            with pytest.raises(RefreshRefusedError) as refused:
                await client.refresh(opened.refresh_token)
            assert refused.value.reason == "REFRESH_TOKEN_REUSED"
