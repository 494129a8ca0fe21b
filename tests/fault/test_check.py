"""`sessiond check` tells causes apart: of a provider's documents, and of our credentials there."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import pytest

from sessiond_server.adapters.http.outbound import Failed, Outbound
from tests.support.certificates import Authority
from tests.support.config import Config, client_secret_file
from tests.support.fakes import SilentLogger
from tests.support.forked import sessiond
from tests.support.idp import CLIENT_ID, CLIENT_SECRET, running_idp
from tests.support.server import serving
from tests.support.tls import tls_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.idp import Idp


@pytest.fixture(scope="module")
async def provider(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Idp]:
    async with running_idp(tmp_path_factory.mktemp("idp") / "idp.json") as idp:
        yield idp


@pytest.fixture
async def idp(provider: Idp) -> Idp:
    """The provider as it is at first."""
    await provider.switch(discovery={}, discovery_status=200, keys="good", status=0, error="", times=0)
    return provider


def plain(issuer: str, directory: Path, **overrides: Any) -> dict[str, Any]:
    """The table of a provider that is known by its discovery document."""
    secret = client_secret_file(directory)
    return {
        "issuer": issuer,
        "audiences": ["api"],
        "client_id": CLIENT_ID,
        "client_secret_file": str(secret),
        "allow_http": True,
    } | overrides


async def check(config: Config) -> tuple[int | None, dict[str, tuple[str, str]]]:
    """Exit status, and by what was looked at whether it works and what was seen."""
    status, text = await sessiond("check", "--config", str(config.write()))
    assert CLIENT_SECRET not in text
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines() if "│" in line]
    assert rows, text
    findings: dict[str, tuple[str, str]] = {}
    what = ""
    for works, name, seen in rows:
        # A long cell goes on in the next line.
        what = what + name if not works and what else name
        former = findings.pop(what.removesuffix(name), ("", "")) if not works else (works, "")
        findings[what] = (former[0], f"{former[1]} {seen}".strip())
    return status, findings


async def seen_of(directory: Path, issuer: dict[str, Any]) -> tuple[str, str]:
    """What is said of an issuer's keys, and of our credentials there."""
    _, findings = await check(Config(directory, issuers=[issuer]))
    name = issuer["issuer"]
    return tuple(  # type: ignore[return-value]
        ": ".join(findings[what]) for what in (f"issuer {name}", f"client {CLIENT_ID} at {name}")
    )


async def test_all_is_well(idp: Idp, tmp_path: Path) -> None:
    status, findings = await check(Config(tmp_path, issuers=[plain(idp.issuer, tmp_path)]))
    assert status == 0
    assert findings[f"issuer {idp.issuer}"] == ("ok", "keys: 1; sessions and validation")
    assert findings[f"client {CLIENT_ID} at {idp.issuer}"] == ("ok", "the credentials are taken")


async def test_another_issuers_document_is_named(idp: Idp, tmp_path: Path) -> None:
    keys, client = await seen_of(tmp_path, plain(f"{idp.issuer}/", tmp_path))
    cause = f'discovery: the document is of "{idp.issuer}"'
    assert keys == f"FAILED: no keys: {cause}"
    assert client == f"FAILED: no token endpoint: {cause}"


@pytest.mark.parametrize(
    ("switches", "cause"),
    [
        (
            {"discovery_status": 404},
            'no keys: discovery: "ISSUER/.well-known/openid-configuration": HTTP 404',
        ),
        (
            {"discovery_status": 503},
            'no keys: discovery: "ISSUER/.well-known/openid-configuration": HTTP 503',
        ),
        ({"discovery": {"issuer": None}}, "no keys: discovery: the document names no issuer"),
        ({"discovery": {"jwks_uri": None}}, "no keys: discovery: the document names no jwks_uri"),
        ({"keys": "500"}, 'no keys: "ISSUER/keys": HTTP 500'),
        ({"keys": "html"}, "no keys: the document is no key set"),
        ({"keys": "empty"}, "no keys: none of the key set can be used here"),
        ({"keys": "redirect"}, 'no keys: "ISSUER/keys": a redirect, which is never followed'),
    ],
)
async def test_each_cause_has_its_words(
    idp: Idp, tmp_path: Path, switches: dict[str, Any], cause: str
) -> None:
    await idp.switch(**switches)
    keys, _ = await seen_of(tmp_path, plain(idp.issuer, tmp_path))
    assert keys == f"FAILED: {cause.replace('ISSUER', idp.issuer)}"


async def test_a_dead_host_is_told_from_a_name_that_is_not_known(tmp_path: Path) -> None:
    dead = plain("http://127.0.0.1:9", tmp_path)
    unknown = plain("https://nobody.invalid", tmp_path)
    _, findings = await check(Config(tmp_path, issuers=[dead, unknown]))
    assert findings["issuer http://127.0.0.1:9"][1].endswith(
        "the connection is refused: nobody listens there"
    )
    assert findings["issuer https://nobody.invalid"][1].endswith("the host's name has no address")


async def test_a_host_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessiond_server.adapters.http.outbound._CONNECT_SECONDS", 0.2)
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        with socket.socket() as first, socket.socket() as second:
            for one in (first, second):
                one.settimeout(0)
                one.connect_ex(("127.0.0.1", port))
            async with Outbound(allow_http=True, allowed_networks=[], logger=SilentLogger()) as way:
                assert await way.get(f"http://127.0.0.1:{port}/") is Failed.NOT_CONNECTED


async def test_a_certificate_of_an_unknown_authority(tmp_path: Path) -> None:
    async with tls_server(Authority().issue("127.0.0.1"), tmp_path) as port:
        issuer = plain(f"https://127.0.0.1:{port}", tmp_path, allowed_networks=["127.0.0.0/8"])
        keys, _ = await seen_of(tmp_path, issuer)
    assert keys.endswith("TLS: the certificate is of no authority that is trusted here")


@pytest.mark.parametrize(
    ("name", "days", "expected"),
    [
        ("127.0.0.1", -1, Failed.CERTIFICATE_EXPIRED),
        ("127.0.0.2", 7, Failed.CERTIFICATE_OF_ANOTHER),
        ("other.example", 7, Failed.CERTIFICATE_OF_ANOTHER),
        ("127.0.0.1", 7, None),
    ],
)
async def test_what_is_wrong_with_a_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, days: int, expected: Failed | None
) -> None:
    authority = Authority()
    (tmp_path / "authority.pem").write_bytes(authority.certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    async with (
        tls_server(authority.issue(name, days=days), tmp_path) as port,
        Outbound(allow_http=False, allowed_networks=["127.0.0.0/8"], logger=SilentLogger()) as way,
    ):
        found = await way.get(f"https://127.0.0.1:{port}/")
        assert found is expected if expected else not isinstance(found, Failed)


async def test_a_port_without_tls(idp: Idp) -> None:
    url = idp.issuer.replace("http://", "https://")
    async with Outbound(allow_http=True, allowed_networks=[], logger=SilentLogger()) as way:
        found = await way.get(f"{url}/keys")
    assert found is Failed.NO_TLS
    assert not found.was_sent


async def test_a_wrong_secret_is_told_before_a_user_logs_in(idp: Idp, tmp_path: Path) -> None:
    issuer = plain(idp.issuer, tmp_path)
    (tmp_path / "client-secret").write_text("wr0ng")
    status, findings = await check(Config(tmp_path, issuers=[issuer]))
    assert status == 1
    assert findings[f"client {CLIENT_ID} at {idp.issuer}"] == (
        "FAILED",
        "invalid_client (HTTP 401): the client is not known, or not by what it shows",
    )


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            (400, "unauthorized_client"),
            "FAILED: unauthorized_client (HTTP 400): the client may not refresh, or is not known",
        ),
        ((400, "invalid_request"), "?: invalid_request (HTTP 400): nothing is said of the credentials"),
        ((503, "server_error"), "FAILED: server_error (HTTP 503): nothing is said of the credentials"),
        ((400, "own_code"), "?: HTTP 400, without an error code, for a made-up refresh token"),
        ((503, "own_code"), "FAILED: HTTP 503, without an error code, for a made-up refresh token"),
    ],
)
async def test_any_other_answer_is_told_as_it_is(
    idp: Idp, tmp_path: Path, answer: tuple[int, str], expected: str
) -> None:
    await idp.switch(status=answer[0], error=answer[1], times=1)
    _, client = await seen_of(tmp_path, plain(idp.issuer, tmp_path))
    assert client == expected


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        (["private_key_jwt", "odd\x1b[2J"], "private_key_jwt"),
        (["client_secret_basic"], "client_secret_basic"),
        (["odd"], "none that is known here"),
    ],
)
async def test_how_the_secret_is_sent_is_compared_with_the_document(
    idp: Idp, tmp_path: Path, named: list[str], expected: str
) -> None:
    await idp.switch(discovery={"token_endpoint_auth_methods_supported": named})
    _, client = await seen_of(tmp_path, plain(idp.issuer, tmp_path))
    said = f"sent as client_secret_post, while its document names {expected}"
    assert client == f"ok: the credentials are taken; {said}"


async def test_a_document_that_says_nothing_of_it_wants_a_header(idp: Idp, tmp_path: Path) -> None:
    await idp.switch(discovery={"token_endpoint_auth_methods_supported": None})
    _, client = await seen_of(tmp_path, plain(idp.issuer, tmp_path))
    assert client == "ok: the credentials are taken"
    issuer = plain(idp.issuer, tmp_path)
    (tmp_path / "client-secret").write_text("wr0ng")
    _, client = await seen_of(tmp_path, issuer)
    assert client.endswith("; sent as client_secret_post, while its document names client_secret_basic")


async def test_no_token_of_anybody_is_spent(idp: Idp, tmp_path: Path) -> None:
    tokens = await idp.login()
    await seen_of(tmp_path, plain(idp.issuer, tmp_path))
    assert (await idp.counts())["refreshed"] == 1
    kept = json.loads(idp.state.read_text())["refresh_tokens"]
    assert kept[tokens["refresh_token"]]["spent"] is None


async def test_it_works_beside_a_running_server(idp: Idp, tmp_path: Path) -> None:
    config = Config(tmp_path, issuers=[plain(idp.issuer, tmp_path)])
    async with serving(config.write(), config.data, tmp_path / "log") as server:
        pid = server.store_pid
        status, findings = await check(config)
        assert (status, findings[f"store embedded:{config.data}"][0]) == (0, "ok")
        assert server.store_pid == pid
    assert (await check(config))[0] == 0
