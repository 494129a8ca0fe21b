"""`sessiond check` tells causes apart: of a provider's documents, and of our credentials there."""

from __future__ import annotations

import json
import os
import re
import socket
import time
from dataclasses import dataclass
from datetime import timedelta
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, cast

import pytest

from sessiond import AsyncClient
from sessiond_server.adapters.embedded.data_directory import secret_file
from sessiond_server.adapters.embedded.store import embedded_store
from sessiond_server.adapters.http.issuer_documents import IssuerDocuments, _told_time
from sessiond_server.adapters.http.outbound import Failed, Outbound
from sessiond_server.adapters.jwt.local_issuer import create_signing_key
from sessiond_server.adapters.store.connection import StoreAddress, connect
from sessiond_server.app.check_issuers import _clock
from tests.support.certificates import Authority
from tests.support.config import Config, client_secret_file, key_file
from tests.support.fakes import SilentLogger
from tests.support.forked import sessiond
from tests.support.idp import CLIENT_ID, CLIENT_SECRET, running_idp
from tests.support.server import serving
from tests.support.tls import tls_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from redis.asyncio import Redis

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


async def findings_of(config: Config, *arguments: str) -> tuple[int | None, list[dict[str, str]]]:
    """Exit status, and all findings."""
    status, text = await sessiond("check", "--format", "json", "--config", str(config.write()), *arguments)
    assert CLIENT_SECRET not in text
    return status, json.loads(text)["findings"]


async def about(config: Config, field: str, *arguments: str) -> list[tuple[str, str]]:
    """The severity and the words of each finding about a setting."""
    _, found = await findings_of(config, *arguments)
    return [(one["severity"], one["found"]) for one in found if one["field"] == field]


async def check(config: Config) -> tuple[int | None, dict[str, tuple[str, str]]]:
    """Exit status, and by issuer or client how much it matters and what was seen."""
    status, found = await findings_of(config)
    findings: dict[str, tuple[str, str]] = {}
    for one in found:
        name, _, seen = one["found"].partition(": ")
        kind = "client" if one["field"].endswith(".client_id") else "issuer"
        findings[f"{kind} {name}"] = (one["severity"], seen)
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
    assert keys == f"error: no keys: {cause}"
    assert client == f"error: no token endpoint: {cause}"


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
    assert keys == f"error: {cause.replace('ISSUER', idp.issuer)}"


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
    assert status == 2
    assert findings[f"client {CLIENT_ID} at {idp.issuer}"] == (
        "error",
        "invalid_client (HTTP 401): the client is not known, or not by what it shows",
    )


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            (400, "unauthorized_client"),
            "error: unauthorized_client (HTTP 400): the client may not refresh, or is not known",
        ),
        ((400, "invalid_request"), "note: invalid_request (HTTP 400): nothing is said of the credentials"),
        ((503, "server_error"), "error: server_error (HTTP 503): nothing is said of the credentials"),
        ((400, "own_code"), "note: HTTP 400, without an error code, for a made-up refresh token"),
        ((503, "own_code"), "error: HTTP 503, without an error code, for a made-up refresh token"),
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
        assert status == 0
        assert findings
        assert server.store_pid == pid
    assert (await check(config))[0] == 0


LOCAL = {"issuer": "https://sessions.example", "preset": "local", "audiences": ["web"]}


@dataclass
class OwnStore:
    """A configuration on a store of one's own, and a connection to that."""

    config: Config
    redis: Redis


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[OwnStore]:
    async with embedded_store(tmp_path / "store", logger=SilentLogger()) as store:
        address = f"unix://{store.socket_path}"
        config = Config(tmp_path, tables={"store": {"url": address}})
        for name in ("pepper", "seal"):
            key_file(tmp_path / name)
        config.tables["keys"] = {
            "pepper_files": [str(tmp_path / "pepper")],
            "sealing_files": [str(tmp_path / "seal")],
        }
        secret_file(tmp_path / "store", "signing-key.pem", create=create_signing_key)
        config.issuers.append(LOCAL | {"signing_key_files": [str(tmp_path / "store" / "signing-key.pem")]})
        redis = connect(StoreAddress(address))
        yield OwnStore(config, redis)
        await redis.aclose()


async def test_a_store_that_is_well_is_named_with_its_version_and_its_clock(own: OwnStore) -> None:
    status, found = await findings_of(own.config)
    seen = [one["found"] for one in found if one["field"] == "store.url"]
    version = (await own.redis.info("server"))["valkey_version"]
    assert {"answers, and keeps what it acknowledges", f"valkey {version}"} <= set(seen)
    assert any(one.startswith("its clock differs from ours by 0.") for one in seen)
    assert status == 0, found
    assert {one["severity"] for one in found} <= {"ok", "note"}


async def test_settings_of_the_store_that_lose_data_are_errors_and_accepting_them_a_warning(
    own: OwnStore,
) -> None:
    await own.redis.config_set("maxmemory-policy", "allkeys-lru")
    status, found = await findings_of(own.config)
    (fault,) = [one["found"] for one in found if one["severity"] == "error"]
    assert (status, fault.startswith("the store may evict what it holds")) == (2, True)
    own.config.tables["store"]["accept_risks"] = ["eviction"]
    status, found = await findings_of(own.config)
    assert status == 1
    (risk,) = [one for one in found if one["severity"] == "warning"]
    assert risk["field"] == "store.accept_risks"


async def test_a_store_that_is_not_there(own: OwnStore) -> None:
    own.config.tables["store"]["url"] = "redis://127.0.0.1:1"
    assert await about(own.config, "store.url") == [("error", "no answer")]


async def test_a_store_with_another_number_of_partitions(own: OwnStore) -> None:
    await findings_of(own.config)
    own.config.tables["store"]["partitions"] = 4
    assert [one for one, _ in await about(own.config, "store.partitions")] == ["error"]


async def test_a_key_that_sessions_need_and_that_is_not_here_is_an_error(own: OwnStore) -> None:
    own.config.tables["server"] = {"anonymous": ["mint"]}
    async with (
        serving(own.config.write(), own.config.data, own.config.directory / "log") as server,
        AsyncClient(server.grpc, timeout=5) as client,
    ):
        await client.create_local_session("alice")
    for name in ("pepper", "seal"):
        key_file(own.config.directory / name)
    _, found = await findings_of(own.config)
    errors = [(one["field"], "is not here" in one["found"]) for one in found if one["severity"] == "error"]
    assert errors == [("keys.pepper_files", True), ("keys.sealing_files", True)]


async def test_a_key_that_everybody_can_read_is_a_warning(own: OwnStore) -> None:
    file = own.config.directory / "pepper"
    file.chmod(0o644)
    assert await about(own.config, str(file)) == [("warning", "a key file can be read by every user")]


async def test_more_workers_than_processors_are_a_warning(own: OwnStore) -> None:
    processors = os.cpu_count() or 1
    own.config.tables["server"] = {"workers": processors + 1}
    found = f"{processors + 1} processes, and {processors} processors"
    assert await about(own.config, "server.workers") == [("warning", found)]
    own.config.tables["server"] = {"workers": 1}
    assert await about(own.config, "server.workers") == []
    own.config.tables["server"] = {}


async def test_a_port_that_another_program_has_is_an_error_and_one_that_a_sessiond_has_is_none(
    own: OwnStore,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        own.config.tables["server"] = {"listen": f"127.0.0.1:{taken.getsockname()[1]}"}
        ((severity, found),) = await about(own.config, "server.listen")
        assert (severity, "Address already in use" in found) == ("error", True)
        assert await about(own.config, "server.http") == [("ok", "can be listened on")]
    own.config.tables["server"] = {}
    async with serving(own.config.write(), own.config.data, own.config.directory / "log") as server:
        own.config.tables["server"] = {"listen": server.grpc, "http": server.http}
        status, found = await findings_of(own.config)
        ports = [one["severity"] for one in found if one["field"] in {"server.listen", "server.http"}]
        assert (status, ports) == (0, ["note", "note"])


async def test_a_sessiond_is_known_by_an_address_of_a_network_too(own: OwnStore) -> None:
    """Such addresses may not be called where an issuer names them."""
    host = address_of_this_machine()
    config, log = own.config, own.config.directory / "log"
    config.tables["server"] = {"http": f"{host}:0"}
    async with serving(config.write(), config.data, log, "--insecure-plaintext") as server:
        config.tables["server"] = {"listen": server.grpc, "http": server.http}
        _, found = await findings_of(config, "--insecure-plaintext")
    ports = {one["field"]: (one["severity"], one["found"]) for one in found}
    assert ports["server.listen"] == ("note", "a sessiond listens there")
    # Whoever reaches it sees metrics: that is a note about the same setting.
    assert "error" not in {one["severity"] for one in found if one["field"] == "server.http"}


def address_of_this_machine() -> str:
    """One that is not loopback; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        try:
            way.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no network")
        return str(way.getsockname()[0])


async def test_a_socket_that_somebody_listens_on(own: OwnStore) -> None:
    directory = own.config.directory / "run"
    directory.mkdir(mode=0o700)
    own.config.tables["server"] = {"listen": f"unix:{directory}/s.sock"}
    assert await about(own.config, "server.listen") == [("ok", "can be listened on")]
    assert list(directory.iterdir()) == []
    with socket.socket(socket.AF_UNIX) as taken:
        taken.bind(f"{directory}/s.sock")
        taken.listen()
        assert [one for one, _ in await about(own.config, "server.listen")] == ["error"]


async def test_what_anyone_may_do_is_said(own: OwnStore) -> None:
    own.config.tables["server"] = {"anonymous": ["validate", "revoke_bulk"]}
    ((severity, found),) = await about(own.config, "server.anonymous")
    assert (severity, found) == ("warning", "anyone who reaches the port is in revoke_bulk")
    own.config.tables["server"] = {"anonymous": []}
    assert await about(own.config, "callers") == [("error", "nobody may call")]


@pytest.mark.parametrize(("days", "severity"), [(90, "ok"), (3, "warning"), (-1, "error")])
async def test_how_long_the_certificate_is_good(own: OwnStore, days: int, severity: str) -> None:
    issued = Authority().issue("localhost", days=days)
    for name, content in (("cert.pem", issued.certificate), ("key.pem", issued.key)):
        (own.config.directory / name).write_bytes(content)
        (own.config.directory / name).chmod(0o600)
    own.config.tables["server.tls"] = {
        "cert_file": str(own.config.directory / "cert.pem"),
        "key_file": str(own.config.directory / "key.pem"),
    }
    ((found, _),) = await about(own.config, "server.tls.cert_file")
    assert found == severity


@pytest.mark.parametrize(
    ("date", "age", "expected"),
    [
        (0, "0", None),
        (-60, "60", None),
        (-60, "0", "the issuer's clock is 60 s behind this machine's"),
        (60, "0", "the issuer's clock is 60 s ahead of this machine's"),
        (60, "nonsense", None),
    ],
)
def test_an_issuers_clock_is_read_from_its_answers(date: int, age: str, expected: str | None) -> None:
    documents = IssuerDocuments(
        "https://a.example", cast("Outbound", None), jwks_url=None, addresses={}, discovery=True
    )
    headers = {"Date": formatdate(time.time() + date, usegmt=True), "Age": age}
    documents.told_time = _told_time(headers)
    found = [one.found for one in _clock(documents, field="issuers[0]", allowed=timedelta(seconds=2))]
    assert len(found) == (expected is not None)
    # Whole seconds are told: one of them may have passed.
    assert all(re.sub(r"\d+", "60", one) == expected for one in found)


async def test_a_mistake_in_the_settings_is_a_finding_for_programs_and_a_line_for_people(
    own: OwnStore,
) -> None:
    own.config.tables["sessions"] = {"grace": "2h"}
    status, (found,) = await findings_of(own.config)
    assert (status, found["severity"], found["field"]) == (2, "error", "sessions.grace")
    assert found["allowed"]
    status, text = await sessiond("check", "--config", str(own.config.write()))
    assert (status, text.startswith("sessiond: sessions.grace: found ")) == (2, True)


async def test_a_file_that_cannot_be_used_is_a_finding_beside_the_others(own: OwnStore) -> None:
    (own.config.directory / "seal").write_text("sesame")
    status, found = await findings_of(own.config)
    (error,) = [one for one in found if one["severity"] == "error"]
    assert (status, error["field"]) == (2, "keys.sealing_files")
    assert "sesame" not in json.dumps(found)
    assert any(one["field"] == "callers" for one in found)


async def test_people_read_a_line_for_each_finding(own: OwnStore) -> None:
    status, text = await sessiond("check", "--config", str(own.config.write()))
    assert status == 0
    assert all(line.partition(" ")[0] in {"ok", "note"} for line in text.splitlines())
    assert "ok       server.http: can be listened on" in text.splitlines()
