"""Our clients at a real provider that has their public keys alone, and verifies what they sign."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import aiohttp
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from sessiond import AuthorizationCode, ProviderTokens, UnavailableError
from tests.idp.assertions import ASSERTION_TYPE
from tests.support.config import Config, scalekit
from tests.support.forked import sessiond
from tests.support.idp import CLIENT_ID, OTHER_CLIENT_ID, REDIRECT_URI, VERIFIER, Idp, running_idp
from tests.support.refreshes_once import RefreshesOnce
from tests.support.server import serving
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sessiond import Tokens

EC = ec.generate_private_key(ec.SECP256R1())
OTHER = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(65537, 2048)


def write_key(path: Path, key: Any) -> Path:
    """Replace a key file as an orchestrator does, at once."""
    draft = path.with_suffix(".new")
    draft.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    draft.chmod(0o600)
    return draft.replace(path)


def public(key: Any) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def with_key(idp: Idp, directory: Path, **overrides: Any) -> dict[str, Any]:
    """The table of the test provider, where our client has a key instead of a secret."""
    table = scalekit(idp.issuer, directory, **overrides)
    del table["client_secret_file"]
    return table | {"client_key_file": str(write_key(directory / "client-key.pem", EC))}


@pytest.fixture
async def idp(tmp_path: Path) -> AsyncIterator[Idp]:
    async with running_idp(tmp_path / "idp.json") as idp:
        await idp.switch(client_keys={CLIENT_ID: public(EC)}, assertion_audience="issuer")
        yield idp


async def opened_by(client: RefreshesOnce, idp: Idp, **wanted: str) -> Tokens:
    answer = await idp.login(**wanted)
    return await client.create_session(
        idp.issuer, ProviderTokens(answer["access_token"], answer["refresh_token"])
    )


async def goes_on(client: RefreshesOnce, opened: Tokens) -> bool:
    refreshed = await client.refresh(opened.refresh_token)
    return refreshed.session.session_id == opened.session.session_id


async def revoked(idp: Idp, count: int) -> bool:
    return len((await idp.counts())["revoked"]) >= count


@pytest.mark.slow
async def test_each_request_is_signed_anew_and_for_the_issuer(idp: Idp, tmp_path: Path) -> None:
    config = Config(tmp_path, issuers=[with_key(idp, tmp_path)])
    config.tables["server"] = {"anonymous": ["session", "revoke"]}
    async with (
        serving(config.write(), config.data, tmp_path / "1.log") as server,
        RefreshesOnce(server.grpc, timeout=10) as client,
    ):
        code = AuthorizationCode(await idp.code(), REDIRECT_URI, VERIFIER)
        opened = await client.create_session_from_code(idp.issuer, code)
        refreshed = await client.refresh((await client.refresh(opened.refresh_token)).refresh_token)
        await client.revoke_session(refreshed.session.session_id)
        await eventually(lambda: revoked(idp, 1), timeout=15)
        seen = (await idp.counts())["assertions"]
        assert len({one["claims"]["jti"] for one in seen}) == len(seen) == 4
        assert {one["claims"]["aud"] for one in seen} == {idp.issuer}
        assert {one["header"]["typ"] for one in seen} == {"client-authentication+jwt"}
        log = (tmp_path / "1.log").read_text()
        assert "client_assertion" not in log
        assert "PRIVATE KEY" not in log
        assert "eyJ" not in log


async def test_an_audience_is_what_the_provider_wants(idp: Idp, tmp_path: Path) -> None:
    await idp.switch(assertion_audience="token_endpoint")
    table = with_key(idp, tmp_path, client_key_audience="token_endpoint", client_key_id="k1")
    config = Config(tmp_path, issuers=[table])
    async with (
        serving(config.write(), config.data, tmp_path / "1.log") as server,
        RefreshesOnce(server.grpc, timeout=10) as client,
    ):
        assert await goes_on(client, await opened_by(client, idp))
        (seen,) = (await idp.counts())["assertions"]
        assert (seen["header"]["typ"], seen["header"]["kid"]) == ("JWT", "k1")


async def test_a_key_that_the_provider_does_not_know_costs_no_session_and_a_new_one_needs_no_restart(
    idp: Idp, tmp_path: Path
) -> None:
    config = Config(tmp_path, issuers=[with_key(idp, tmp_path)])
    async with (
        serving(config.write(), config.data, tmp_path / "1.log") as server,
        RefreshesOnce(server.grpc, timeout=10) as client,
    ):
        opened = await opened_by(client, idp)
        await idp.switch(client_keys={CLIENT_ID: public(OTHER)})
        with pytest.raises(UnavailableError) as refused:
            await client.refresh(opened.refresh_token)
        assert refused.value.reason == "PROVIDER_UNAVAILABLE"
        key_file = tmp_path / "client-key.pem"
        key_file.write_text("half a key")
        with pytest.raises(UnavailableError):
            await client.refresh(opened.refresh_token)
        write_key(key_file, OTHER)
        assert await goes_on(client, opened)
        assert len(await server.said(event="new files are in use", files=[str(key_file)])) == 1
        said = await server.said(event="new files cannot be used, what was read before stays")
        assert [line["files"] for line in said] == [[str(key_file)]]


async def test_a_new_secret_needs_no_restart(idp: Idp, tmp_path: Path) -> None:
    await idp.switch(client_keys={})
    config = Config(tmp_path, issuers=[scalekit(idp.issuer, tmp_path)])
    secret_file = tmp_path / "client-secret"
    good = secret_file.read_text()
    secret_file.write_text("wr0ng")
    async with (
        serving(config.write(), config.data, tmp_path / "1.log") as server,
        RefreshesOnce(server.grpc, timeout=10) as client,
    ):
        opened = await opened_by(client, idp)
        with pytest.raises(UnavailableError):
            await client.refresh(opened.refresh_token)
        secret_file.write_text(good)
        assert await goes_on(client, opened)


async def test_another_client_of_ours_has_a_key_of_its_own(idp: Idp, tmp_path: Path) -> None:
    await idp.switch(client_keys={OTHER_CLIENT_ID: public(RSA)})
    other = {
        "client_id": OTHER_CLIENT_ID,
        "client_key_file": str(write_key(tmp_path / "other-key.pem", RSA)),
        "client_key_algorithm": "PS256",
    }
    table = scalekit(idp.issuer, tmp_path, audiences=[CLIENT_ID, OTHER_CLIENT_ID], clients=[other])
    config = Config(tmp_path, issuers=[table])
    async with (
        serving(config.write(), config.data, tmp_path / "1.log") as server,
        RefreshesOnce(server.grpc, timeout=10) as client,
    ):
        for wanted in ({}, {"client_id": OTHER_CLIENT_ID}):
            opened = await opened_by(client, idp, **wanted)
            assert await goes_on(client, opened)
        (seen,) = (await idp.counts())["assertions"]
        assert (seen["header"]["alg"], seen["claims"]["iss"]) == ("PS256", OTHER_CLIENT_ID)


async def test_a_check_tries_the_key(idp: Idp, tmp_path: Path) -> None:
    await idp.switch(
        discovery={"token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_post"]}
    )
    config = Config(tmp_path, issuers=[with_key(idp, tmp_path, discovery=True)])
    status, text = await sessiond("check", "--config", str(config.write()))
    assert (status, "the credentials are taken" in text) == (0, True)
    write_key(tmp_path / "client-key.pem", OTHER)
    status, text = await sessiond("check", "--config", str(config.write()))
    assert status == 2
    assert "invalid_client" in text
    assert "signed with" not in text


async def test_a_check_tells_of_an_algorithm_that_the_provider_does_not_name(
    idp: Idp, tmp_path: Path
) -> None:
    names = {
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS256", "odd\x1b[2J"],
    }
    await idp.switch(client_keys={CLIENT_ID: public(OTHER)}, discovery=names)
    config = Config(tmp_path, issuers=[with_key(idp, tmp_path, discovery=True)])
    _, text = await sessiond("check", "--config", str(config.write()))
    words = " ".join(text.replace("│", " ").split())
    assert "signed with ES256, while its document names RS256" in words
    assert "odd" not in text


@pytest.mark.parametrize(
    ("key", "more", "found"),
    [
        (rsa.generate_private_key(65537, 1024), {}, "the RSA modulus has not between 2048 and 8192 bits"),
        (EC, {"client_key_algorithm": "RS256"}, "a key that signs with ES256, and not RS256"),
    ],
)
async def test_a_key_that_cannot_be_used_is_told_at_the_start(
    idp: Idp, tmp_path: Path, key: Any, more: dict[str, str], found: str
) -> None:
    config = Config(tmp_path, issuers=[with_key(idp, tmp_path, **more)])
    path = write_key(tmp_path / "client-key.pem", key)
    status, text = await sessiond("check", "--config", str(config.write()))
    assert status != 0
    assert f"issuers[0].client_key_file: {path}: {found}" in " ".join(text.split())


async def test_the_test_provider_believes_no_assertion_but_a_good_one(idp: Idp) -> None:
    now = int(time.time())
    good = {"iss": CLIENT_ID, "sub": CLIENT_ID, "aud": idp.issuer, "iat": now, "exp": now + 60, "jti": "j"}
    bad: list[tuple[dict[str, Any], Any]] = [
        ({}, OTHER),
        ({"aud": f"{idp.issuer}/oauth/token"}, EC),
        ({"aud": [idp.issuer]}, EC),
        ({"exp": now - 1}, EC),
        ({"exp": now + 3600}, EC),
        ({"iss": "app"}, EC),
        ({"sub": "app"}, EC),
        ({"jti": None}, EC),
    ]
    for change, key in bad:
        claims = {name: value for name, value in (good | change).items() if value is not None}
        assert await asked_with(idp, jwt.encode(claims, key, algorithm="ES256")) == "invalid_client"
    assert await asked_with(idp, jwt.encode(good, None, algorithm="none")) == "invalid_client"
    assertion = jwt.encode(good, EC, algorithm="ES256")
    assert await asked_with(idp, assertion) == "invalid_grant"
    assert await asked_with(idp, assertion) == "invalid_client", "it is good once"


async def asked_with(idp: Idp, assertion: str) -> str:
    form = {
        "grant_type": "refresh_token",
        "refresh_token": "made up",
        "client_id": CLIENT_ID,
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion,
    }
    async with (
        aiohttp.ClientSession() as web,
        web.post(f"{idp.issuer}/oauth/token", data=form) as answer,
    ):
        return (await answer.json())["error"]
