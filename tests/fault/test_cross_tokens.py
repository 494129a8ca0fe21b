"""Every other token of an issuer is refused as an access token (RFC 8725 §3.12).

Each has the issuer's own signature on it.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from sessiond import AsyncClient, Reason, Rejection, Session
from tests.support.config import Config, scalekit
from tests.support.idp import CLIENT_ID, Idp, running_idp
from tests.support.server import serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LOGOUT = {"http://schemas.openid.net/event/backchannel-logout": {}}
SESSION_REVOKED = {"https://schemas.openid.net/secevent/caep/event-type/session-revoked": {}}
# By kind: the type of the header, and the claims that such a token has in addition to those of an access
# token; a claim of None is left out.
OTHERS: dict[str, tuple[str, dict[str, Any]]] = {
    "ID token": ("JWT", {"nonce": "n", "at_hash": "x", "client_id": None, "scope": None}),
    "logout token": ("logout+jwt", {"events": LOGOUT, "exp": None}),
    "security event": ("secevent+jwt", {"events": SESSION_REVOKED, "sub": None, "exp": None}),
    "DPoP proof": ("dpop+jwt", {"htm": "GET", "htu": "https://api.example/", "ath": "x"}),
    "introspection answer": (
        "token-introspection+jwt",
        {"token_introspection": {"active": True}, "sub": None, "exp": None},
    ),
    "refresh token": ("rt+jwt", {"scope": "offline_access"}),
}
# These are tried without a type of their own too, as issuers that waive `typ` may send them: what they say
# has to give them away.
UNTYPED = {"ID token", "logout token", "security event"}


@pytest.fixture(scope="module")
async def idp(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Idp]:
    async with running_idp(tmp_path_factory.mktemp("k") / "idp.json") as idp:
        yield idp


@pytest.fixture(scope="module", params=["strict", "waived"])
async def client(
    idp: Idp, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[AsyncClient]:
    """A client of a server that demands `typ: at+jwt` of the issuer, and of one that waives it."""
    directory = tmp_path_factory.mktemp("s")
    strict: dict[str, Any] = {"token_types": ["at+jwt"]} if request.param == "strict" else {}
    config = Config(directory, issuers=[scalekit(idp.issuer, directory, **strict)])
    async with (
        serving(config.write(), config.data, directory / "log") as server,
        AsyncClient(server.grpc, timeout=5) as client,
    ):
        yield client


def access(idp: Idp, **changes: Any) -> dict[str, Any]:
    now = int(time.time())
    claims = {
        "iss": idp.issuer,
        "sub": "usr_1",
        "aud": CLIENT_ID,
        "client_id": CLIENT_ID,
        "iat": now,
        "exp": now + 300,
        "jti": "t1",
        "sid": "ses_1",
        "scope": "orders",
        "oid": "org_1",
    } | changes
    return {name: value for name, value in claims.items() if value is not None}


async def test_the_issuers_access_token_is_accepted(idp: Idp, client: AsyncClient) -> None:
    assert isinstance(await client.validate(await idp.sign(access(idp), typ="at+jwt")), Session)


@pytest.mark.parametrize("kind", OTHERS)
async def test_every_other_token_of_the_issuer_is_refused(idp: Idp, client: AsyncClient, kind: str) -> None:
    """RFC8725-3.12, RFC9701-5."""
    token_type, changes = OTHERS[kind]
    verdict = await client.validate(await idp.sign(access(idp, **changes), typ=token_type))
    assert isinstance(verdict, Rejection)
    assert verdict.reason is Reason.TYPE_NOT_ALLOWED


@pytest.mark.parametrize("kind", sorted(UNTYPED))
@pytest.mark.parametrize("token_type", ["JWT", None])
async def test_a_token_without_a_type_of_its_own_is_refused_by_what_it_says(
    idp: Idp, client: AsyncClient, kind: str, token_type: str | None
) -> None:
    _, changes = OTHERS[kind]
    verdict = await client.validate(await idp.sign(access(idp, **changes), typ=token_type))
    assert isinstance(verdict, Rejection)
    assert verdict.reason is Reason.TYPE_NOT_ALLOWED


async def test_the_refresh_and_id_tokens_of_a_login_are_refused(idp: Idp, client: AsyncClient) -> None:
    tokens = await idp.login()
    for name, reason in (("refresh_token", Reason.MALFORMED), ("id_token", Reason.TYPE_NOT_ALLOWED)):
        verdict = await client.validate(tokens[name])
        assert isinstance(verdict, Rejection)
        assert verdict.reason is reason


@asynccontextmanager
async def canary() -> AsyncIterator[tuple[str, list[None]]]:
    """A server that remembers that it was called, and its address."""
    calls: list[None] = []

    def called(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append(None)
        writer.close()

    server = await asyncio.start_server(called, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        yield f"http://{host}:{port}/keys", calls


async def test_no_token_makes_the_server_call_anybody(idp: Idp, client: AsyncClient) -> None:
    """RFC7515-4.1.2/3/5/6, RFC8725-3.10b, CVE-2018-0114: neither header nor issuer does, and no junk."""
    await idp.switch()
    async with canary() as (address, calls):
        tokens = [await idp.sign(access(idp), **{name: address}) for name in ("jku", "x5u", "kid")]
        tokens += [
            await idp.sign(access(idp, iss=address)),
            await idp.sign(access(idp, jku=address, jwks_uri=address)),
        ]
        for junk in [address, "", "x", "A" * 8192, "A" * 1_000_000, "a.b.c", *tokens[:4]]:
            assert isinstance(await client.validate(junk), Rejection)
        assert calls == []
    # Of all these only the unknown key id could be worth a question, and that one goes to the issuer that is
    # configured.
    assert (await idp.counts())["keys"] <= 1
