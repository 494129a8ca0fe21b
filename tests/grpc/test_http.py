"""The HTTP port: discovery, key set, health, metrics, and nothing else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from tests.support.server import CLIENT_ID, ISSUER

if TYPE_CHECKING:
    from aiohttp import ClientSession

    from sessiond import AsyncClient
    from tests.support.server import Server

PUBLIC_MEMBERS = {"kty", "kid", "alg", "use", "crv", "x", "y", "n", "e"}


async def json_of(web: ClientSession, path: str, **options: Any) -> Any:
    async with web.get(path, **options) as answer:
        assert (answer.status, answer.content_type) == (200, "application/json")
        return await answer.json()


async def test_discovery_names_the_issuer_and_the_real_address_of_the_key_set(
    web: ClientSession, server: Server
) -> None:
    document = await json_of(web, "/.well-known/openid-configuration")
    assert document["issuer"] == ISSUER
    assert document["jwks_uri"] == f"http://{server.http}/.well-known/jwks.json"


async def test_a_request_does_not_choose_what_discovery_says(web: ClientSession) -> None:
    documents = [
        await json_of(web, "/.well-known/openid-configuration", headers=headers)
        for headers in ({}, {"Host": "evil.example"}, {"X-Forwarded-Host": "evil.example"})
    ]
    assert documents[0] == documents[1] == documents[2]


async def test_the_key_set_holds_public_keys_that_prove_the_tokens(
    web: ClientSession, client: AsyncClient
) -> None:
    document = await json_of(web, "/.well-known/jwks.json")
    assert all(set(key) <= PUBLIC_MEMBERS for key in document["keys"])
    token = (await client.create_local_session("carol", scopes=["a"])).access_token
    header = jwt.get_unverified_header(token)
    key = jwt.PyJWKSet.from_dict(document)[header["kid"]]
    claims = jwt.decode(token, key, algorithms=["ES256"], audience=CLIENT_ID, issuer=ISSUER)
    assert header["typ"] == "at+jwt"
    assert (claims["sub"], claims["scope"], claims["client_id"]) == ("carol", "a", CLIENT_ID)
    assert claims["exp"] - claims["iat"] == 300


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_health(web: ClientSession, path: str) -> None:
    async with web.get(path) as answer:
        assert answer.status == 200


async def value(web: ClientSession, series: str) -> float:
    async with web.get("/metrics") as answer:
        text = await answer.text()
    found = re.search(rf"^{re.escape(series)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


@pytest.mark.parametrize(
    "series",
    [
        'sessiond_calls_total{caller="anonymous",code="OK",method="ValidateToken"}',
        'grpc_server_handling_seconds_count{grpc_method="CreateSession",grpc_service="sessiond.v1.SessionService",grpc_type="unary"}',
        'sessiond_verdicts_total{method="ValidateToken",verdict="ACCEPTED"}',
        'sessiond_verdicts_total{method="ValidateToken",verdict="MALFORMED"}',
        'sessiond_refreshes_total{outcome="ROTATED"}',
        'sessiond_refreshes_total{outcome="REPLAYED"}',
        'sessiond_store_seconds_count{script="rotate"}',
        "sessiond_token_cache_misses_total",
    ],
)
async def test_metrics_count(web: ClientSession, client: AsyncClient, series: str) -> None:
    before = await value(web, series)
    tokens = await client.create_local_session("counted")
    await client.validate(tokens.access_token)
    await client.validate("garbage")
    await client.refresh(tokens.refresh_token)
    await client.refresh(tokens.refresh_token)
    assert await value(web, series) > before


async def test_metrics_tell_how_old_the_view_is_and_name_nobody(
    web: ClientSession, client: AsyncClient
) -> None:
    await client.create_local_session("telling-subject", tenant_id="telling-tenant")
    async with web.get("/metrics") as answer:
        text = await answer.text()
    assert 0 <= float(re.search(r"^sessiond_revocation_view_age_seconds (\S+)$", text, re.MULTILINE)[1]) < 1
    assert "telling" not in text


async def test_metrics_tell_how_the_store_does(web: ClientSession) -> None:
    assert await value(web, "sessiond_store_takes_writes") == 1
    assert 0 < abs(await value(web, "sessiond_store_clock_difference_seconds")) < 0.5


@pytest.mark.parametrize("path", ["/", "/.well-known/", "/metrics/", "/../etc/passwd", "/debug"])
async def test_nothing_else_is_there(web: ClientSession, path: str) -> None:
    async with web.get(path) as answer:
        assert answer.status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_nothing_can_be_sent(web: ClientSession, method: str) -> None:
    async with web.request(method, "/.well-known/jwks.json", data=b"x") as answer:
        assert answer.status == 405
