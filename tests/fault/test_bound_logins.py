"""Sessions for access tokens that a provider has bound to a key, and what it gives at their refreshes.

It is about RFC 9449 and RFC 8705.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from sessiond import (
    AsyncClient,
    AuthorizationCode,
    DpopProof,
    LoginRefusedError,
    ProviderTokens,
    RefreshRefusedError,
    Session,
    UnavailableError,
)
from sessiond_server.domain.base64url import to_base64url
from tests.support.config import Config, scalekit
from tests.support.idp import REDIRECT_URI, VERIFIER, Idp, running_idp
from tests.support.proofs import Prover
from tests.support.refreshes_once import RefreshesOnce
from tests.support.server import Server, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sessiond import Tokens

URL = "https://app.example/login"
CERTIFICATE = bytes(range(32))
KEY, ANOTHER = (Prover(generate_private_key(SECP256R1())) for _ in range(2))
BOUND = {"cnf": {"jkt": KEY.thumbprint}}


@dataclass
class Deployment:
    """A server before a provider, and a client of it."""

    idp: Idp
    server: Server
    client: AsyncClient

    async def login(self, **claims: Any) -> ProviderTokens:
        """What the provider gives at a login, with these claims in this and all later access tokens."""
        await self.idp.switch(claims=claims)
        answer = await self.idp.login()
        return ProviderTokens(answer["access_token"], answer["refresh_token"])

    async def open(self, tokens: ProviderTokens, **bearer: Any) -> Tokens:
        return await self.client.create_session(self.idp.issuer, tokens, **bearer)

    async def held(self, opened: Tokens, **bearer: Any) -> str:
        """The reason for which a refresh hands nothing out."""
        with pytest.raises(UnavailableError) as refused:
            await self.client.refresh(opened.refresh_token, timeout=3, **bearer)
        assert refused.value.reason == "PROVIDER_UNAVAILABLE"
        (told,) = await self.server.said(level="error", session_id=opened.session.session_id)
        return str(told["reason"])


@pytest.fixture(scope="session")
async def deployment(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Deployment]:
    directory = tmp_path_factory.mktemp("b")
    async with running_idp(directory / "idp.json") as idp:
        config = Config(directory, issuers=[scalekit(idp.issuer, directory)])
        config.tables["server"] = {"anonymous": ["validate", "session", "revoke", "read"]}
        async with (
            serving(config.write(), config.data, directory / "1.log") as server,
            RefreshesOnce(server.grpc, timeout=10) as client,
        ):
            yield Deployment(idp, server, client)


def proof(prover: Prover = KEY, *, token: str | None = None, **claims: Any) -> DpopProof:
    return prover.proof("POST", URL, token=token, **claims)


async def test_a_bound_token_opens_a_session_that_is_bound_to_its_key(deployment: Deployment) -> None:
    """RFC9449-7.1, RFC9449-5: nothing is presented at the exchange, so that it needs no proof."""
    client, tokens = deployment.client, await deployment.login(**BOUND)
    opened = await deployment.open(tokens, dpop=proof(token=tokens.access_token))
    with pytest.raises(RefreshRefusedError) as refused:
        await client.refresh(opened.refresh_token)
    assert refused.value.reason == "BINDING_MISMATCH"
    with pytest.raises(RefreshRefusedError):
        await client.refresh(opened.refresh_token, dpop=proof(ANOTHER))
    refreshed = await client.refresh(opened.refresh_token, dpop=proof())
    assert refreshed.access_token != opened.access_token
    assert not isinstance(await client.validate(refreshed.access_token), Session)
    used = proof(token=refreshed.access_token)
    assert isinstance(await client.validate(refreshed.access_token, dpop=used), Session)


async def test_a_proof_beside_a_token_that_is_not_bound_binds_the_session(deployment: Deployment) -> None:
    """Such a proof needs to name no token, and is good once."""
    tokens, used = await deployment.login(), proof()
    opened = await deployment.open(tokens, dpop=used)
    for bearer in ({}, {"dpop": used}):
        with pytest.raises(RefreshRefusedError):
            await deployment.client.refresh(opened.refresh_token, **bearer)
    assert await deployment.client.refresh(opened.refresh_token, dpop=proof())
    with pytest.raises(LoginRefusedError):
        await deployment.open(await deployment.login(), dpop=used)


async def test_a_bound_token_opens_nothing_without_the_proof_that_it_comes_with(
    deployment: Deployment,
) -> None:
    """RFC9449-4.3, 12: the proof names the token."""
    tokens = await deployment.login(**BOUND)
    used = proof(token=tokens.access_token)
    assert await deployment.open(tokens, dpop=used)
    for bearer in (
        {},
        {"dpop": proof()},
        {"dpop": proof(token="another")},
        {"dpop": proof(ANOTHER, token=tokens.access_token)},
        {"dpop": used},
        {"certificate_sha256": CERTIFICATE},
    ):
        with pytest.raises(LoginRefusedError) as refused:
            await deployment.open(tokens, **bearer)
        assert refused.value.metadata == {"rejection": "BINDING_MISMATCH"}


async def test_a_token_that_is_bound_to_a_certificate_opens_a_session_too(deployment: Deployment) -> None:
    """RFC8705-3."""
    tokens = await deployment.login(cnf={"x5t#S256": to_base64url(CERTIFICATE)})
    with pytest.raises(LoginRefusedError):
        await deployment.open(tokens, certificate_sha256=bytes(32))
    opened = await deployment.open(tokens, certificate_sha256=CERTIFICATE)
    with pytest.raises(RefreshRefusedError):
        await deployment.client.refresh(opened.refresh_token)
    assert await deployment.client.refresh(opened.refresh_token, certificate_sha256=CERTIFICATE)


async def test_a_code_whose_token_is_bound_needs_the_proof_of_its_key(deployment: Deployment) -> None:
    """Nobody has the token yet, so that no proof can name it."""
    await deployment.idp.switch(claims=BOUND)

    async def redeemed(**bearer: Any) -> Tokens:
        code = AuthorizationCode(await deployment.idp.code(), REDIRECT_URI, VERIFIER)
        return await deployment.client.create_session_from_code(deployment.idp.issuer, code, **bearer)

    for bearer in ({}, {"dpop": proof(ANOTHER)}):
        with pytest.raises(LoginRefusedError) as refused:
            await redeemed(**bearer)
        assert refused.value.metadata == {"rejection": "BINDING_MISMATCH"}
    opened = await redeemed(dpop=proof())
    assert await deployment.client.refresh(opened.refresh_token, dpop=proof())


async def test_a_token_that_is_bound_to_another_key_is_held_back(deployment: Deployment) -> None:
    tokens = await deployment.login(**BOUND)
    opened = await deployment.open(tokens, dpop=proof(token=tokens.access_token))
    await deployment.idp.switch(claims={"cnf": {"jkt": ANOTHER.thumbprint}})
    assert await deployment.held(opened, dpop=proof()) == "BINDING_MISMATCH"


async def test_a_session_that_is_bound_to_nothing_gets_no_bound_token(deployment: Deployment) -> None:
    opened = await deployment.open(await deployment.login())
    await deployment.idp.switch(claims=BOUND)
    assert await deployment.held(opened) == "BINDING_MISMATCH"


async def test_a_public_client_is_told_that_its_refresh_token_is_bound(
    deployment: Deployment, tmp_path: Path
) -> None:
    """RFC9449-5, RFC8705-4: the provider would want the client's key at every refresh."""
    issuer = scalekit(deployment.idp.issuer, tmp_path)
    del issuer["client_secret_file"]
    config = Config(tmp_path, issuers=[issuer])
    async with (
        serving(config.write(), config.data, tmp_path / "1.log") as server,
        RefreshesOnce(server.grpc, timeout=10) as client,
    ):
        here, tokens = Deployment(deployment.idp, server, client), await deployment.login(**BOUND)
        with pytest.raises(LoginRefusedError, match="bound the refresh token to the client's key") as refused:
            await here.open(tokens, dpop=proof(token=tokens.access_token))
        assert refused.value.metadata == {"rejection": "REFRESH_TOKEN_BOUND"}
        assert await here.open(await deployment.login(), dpop=proof())


async def test_a_token_of_a_clock_that_is_ahead_is_handed_out(deployment: Deployment) -> None:
    opened, now = await deployment.open(await deployment.login()), int(time.time())
    await deployment.idp.switch(claims={"nbf": now + 240, "iat": now + 240, "exp": now + 540})
    assert await deployment.client.refresh(opened.refresh_token)


@pytest.mark.parametrize(
    ("early", "claims", "reason"),
    [
        (360, {}, "NOT_YET_VALID"),
        (400_000_000, {}, "NOT_YET_VALID"),
        (240, {"aud": ["x"]}, "AUDIENCE_MISMATCH"),
        (240, BOUND, "BINDING_MISMATCH"),
    ],
)
async def test_a_token_that_is_early_is_judged_as_any_other(
    deployment: Deployment, early: int, claims: dict[str, Any], reason: str
) -> None:
    opened, start = await deployment.open(await deployment.login()), int(time.time()) + early
    await deployment.idp.switch(claims={"nbf": start, "iat": start, "exp": start + 300} | claims)
    assert await deployment.held(opened) == reason


async def test_a_token_that_is_early_and_revoked_is_held_back(deployment: Deployment) -> None:
    other = await deployment.open(await deployment.login(jti="tkn_revoked", sid=None))
    await deployment.client.revoke_access_token(other.access_token)
    opened, start = await deployment.open(await deployment.login()), int(time.time()) + 240
    await deployment.idp.switch(claims={"nbf": start, "jti": "tkn_revoked", "sid": None})
    assert await deployment.held(opened) == "REVOKED"


async def test_a_token_that_is_early_opens_no_session(deployment: Deployment) -> None:
    """A login can be tried again in a moment."""
    with pytest.raises(LoginRefusedError) as refused:
        await deployment.open(await deployment.login(nbf=int(time.time()) + 60))
    assert refused.value.metadata == {"rejection": "NOT_YET_VALID"}
