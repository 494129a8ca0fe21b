"""The API server of a cluster shows its keys by its own authority's certificate, and not to everybody."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from sessiond_server.adapters.jwt.local_issuer import SigningKey
from sessiond_server.domain.workload_checks import (
    CHECKS_BY_THE_KEY,
    CHECKS_OF_THE_MOMENT,
    CHECKS_WITHOUT_A_KEY,
)
from tests.support.certificates import Authority
from tests.support.config import Config
from tests.support.forked import sessiond
from tests.support.idp import running_idp
from tests.support.server import serving
from tests.support.signing import ABSENT, Signer
from tests.support.tls import tls_server
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

LOCAL = {"issuer": "https://sessions.example", "preset": "local", "audiences": ["web"]}
PRIVATE_KEY = generate_private_key(SECP256R1())
KEY = SigningKey(PRIVATE_KEY)


class ApiServer:
    """Shows discovery and keys to whoever has the token that is in the file."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.authority = Authority("cluster")
        self.ca_file = directory / "ca.crt"
        self.ca_file.write_bytes(self.authority.certificate)
        self.token_file = directory / "token"
        self.issuer = ""
        self.keys = 0
        self.rotate("first")

    def rotate(self, token: str) -> None:
        """As a kubelet does it."""
        self.token = token
        self.token_file.write_text(token)

    def _require(self, request: web.Request) -> None:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            raise web.HTTPUnauthorized

    async def discovery(self, request: web.Request) -> web.Response:
        self._require(request)
        return web.json_response({"issuer": self.issuer, "jwks_uri": f"{self.issuer}/openid/v1/jwks"})

    async def jwks(self, request: web.Request) -> web.Response:
        self._require(request)
        self.keys += 1
        return web.json_response({"keys": [dict(KEY.jwk)]})

    def config(self, *, without: tuple[str, ...] = ()) -> Config:
        config = Config(self.directory, issuers=[LOCAL])
        config.workload_issuers.append(
            {
                "preset": "kubernetes",
                "issuer": self.issuer,
                "audience": "sessiond",
                "ca_file": str(self.ca_file),
                "token_file": str(self.token_file),
                "allowed_networks": ["127.0.0.0/8"],
            }
        )
        for name in without:
            del config.workload_issuers[0][name]
        config.callers.append({"name": "orders", "groups": ["validate"], "workloads": ["a", "b"]})
        return config


@asynccontextmanager
async def api_server(directory: Path) -> AsyncIterator[ApiServer]:
    server, application = ApiServer(directory), web.Application()
    application.add_routes(
        [
            web.get("/.well-known/openid-configuration", server.discovery),
            web.get("/openid/v1/jwks", server.jwks),
        ]
    )
    async with tls_server(server.authority.issue("127.0.0.1"), directory, application) as port:
        server.issuer = f"https://127.0.0.1:{port}"
        yield server


async def check(config: Config) -> tuple[int, str]:
    """Exit status, and what was seen, whatever lines it takes."""
    status, output = await sessiond("check", "--config", str(config.write()))
    return status, " ".join(output.replace("│", " ").split())


async def test_its_keys_are_asked_for_with_a_token_by_its_own_authority(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    async with api_server(tmp_path) as cluster:
        status, seen = await check(cluster.config())
        assert (status, "keys: 1; callers: 1" in seen) == (0, True)
        status, output = await sessiond("jwks", "--json", "--config", str(cluster.config().write()))
        (found,) = json.loads(output)
        assert (status, found["issuer"], found["keys"]) == (0, cluster.issuer, {KEY.key_id: "ES256"})
        status, seen = await check(cluster.config(without=("token_file",)))
        assert status == 2
        assert "HTTP 401" in seen
        status, seen = await check(cluster.config(without=("token_file", "ca_file")))
        assert "of no authority that is trusted here" in seen


async def test_a_file_that_holds_no_authority_is_refused_and_trusts_nobody(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    async with api_server(tmp_path) as cluster:
        cluster.ca_file.write_text("no certificate")
        config = str(cluster.config().write())
        status, output = await sessiond("check", "--config", config)
        assert status == 2
        assert f"workload_issuers[0].ca_file: {cluster.ca_file}: holds no PEM certificate" in output
        status, output = await sessiond("jwks", "--json", "--config", config)
        assert (status, json.loads(output)[0]["outcome"]) == (1, "discovery")
        assert cluster.keys == 0


@pytest.mark.slow
async def test_a_token_that_was_rotated_is_read_when_the_keys_are_asked_for(tmp_path: Path) -> None:
    async with api_server(tmp_path) as cluster:
        config = cluster.config()
        async with serving(config.write(), config.data, tmp_path / "log") as server:
            before = cluster.keys
            cluster.rotate("second")
            status, _ = await sessiond("jwks", "--refresh", cluster.issuer, "--config", str(config.write()))
            assert status == 0
            await eventually(lambda: cluster.keys >= before + 2, timeout=15)
            assert await server.said(event="the key set of an issuer was fetched anew, as was ordered")
            assert "second" not in server.log.read_text()


def signed(cluster: ApiServer, **claims: Any) -> str:
    """The token of the workload `a`, which is the caller `orders`."""
    given = {"iss": cluster.issuer, "sub": "a", "aud": ["sessiond"]} | claims
    return Signer(PRIVATE_KEY, KEY.key_id).token({"typ": None}, **given)


async def explained(config: Config, text: str, *arguments: str) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Exit status, what is said, and the outcome of each check."""
    command = ("explain", "--workload", "--json", "--config", str(config.write()), *arguments)
    status, said = await sessiond(*command, given=text)
    found = json.loads(said)
    return status, found, {step["step"]: step["outcome"] for step in found["steps"]}


async def test_it_is_explained_which_caller_a_token_shows(tmp_path: Path) -> None:
    async with api_server(tmp_path) as cluster:
        config = cluster.config()
        status, found, outcomes = await explained(config, signed(cluster))
        assert (status, found["verdict"], found["caller"]) == (0, "ACCEPTED", "orders")
        assert list(outcomes) == [
            *(check.name for check in (*CHECKS_WITHOUT_A_KEY, *CHECKS_OF_THE_MOMENT)),
            "caller",
            *(check.name for check in CHECKS_BY_THE_KEY),
        ]
        assert cluster.keys == 1
        _, said = await sessiond(
            "explain", "--workload", "--config", str(config.write()), given=signed(cluster)
        )
        assert said.rstrip().endswith("verdict: ACCEPTED\ncaller: orders")


async def test_it_is_explained_why_a_token_shows_no_caller(tmp_path: Path) -> None:
    async with api_server(tmp_path) as cluster:
        config, keys = cluster.config(), tmp_path / "keys.json"
        keys.write_text(json.dumps({"keys": [dict(KEY.jwk)]}))
        offline = ("--jwks", str(keys))
        cases = [
            ("caller", "SUBJECT_UNKNOWN", {"sub": "c"}),
            ("audience", "AUDIENCE_MISMATCH", {"aud": ["other"]}),
            ("sole audience", "AUDIENCE_MISMATCH", {"aud": ["sessiond", "other"]}),
            ("issuer", "ISSUER_NOT_TRUSTED", {"iss": LOCAL["issuer"]}),
            ("binding", "BINDING_MISMATCH", {"cnf": {"jkt": "x"}}),
            ("claims", "CLAIM_MISSING", {"exp": ABSENT}),
        ]
        for step, reason, claims in cases:
            status, found, outcomes = await explained(config, signed(cluster, **claims), *offline)
            assert (status, found["verdict"], outcomes[step]) == (1, reason, reason)
        text = signed(cluster)
        status, found, outcomes = await explained(config, f"{text[:-8]}AAAAAAAA", *offline)
        assert (found["verdict"], outcomes["caller"]) == ("SIGNATURE_INVALID", "ok")
        status, found, outcomes = await explained(config, text, "--offline")
        assert (status, found["verdict"], outcomes["signature"]) == (1, "UNDECIDED", "not checked")
        assert cluster.keys == 0


async def test_only_who_asks_for_keys_needs_what_they_are_asked_with(tmp_path: Path) -> None:
    async with api_server(tmp_path) as cluster:
        config = cluster.config()
        cluster.ca_file.unlink()
        assert (await explained(config, signed(cluster), "--offline"))[1]["caller"] == "orders"
        command = ("explain", "--workload", "--config", str(config.write()))
        status, said = await sessiond(*command, given=signed(cluster))
        assert (status, "workload_issuers[0].ca_file" in said) == (2, True)
        config.workload_issuers.append({"issuer": "https://other.example", "audience": "sessiond"})
        status, said = await sessiond(
            "explain", "--workload", "--offline", "--config", str(config.write()), given=signed(cluster)
        )
        assert (status, "callers[0].workload_issuers" in said) == (2, True)


async def test_an_order_names_workload_issuers_too(tmp_path: Path) -> None:
    async with running_idp(tmp_path / "idp.json") as idp:
        config = Config(tmp_path, issuers=[LOCAL])
        config.workload_issuers.append({"issuer": idp.issuer, "audience": "sessiond", "allow_http": True})
        status, output = await sessiond(
            "jwks", "--refresh", "https://other.example", "--config", str(config.write())
        )
    assert status == 2
    assert f"allowed: {idp.issuer}" in output
