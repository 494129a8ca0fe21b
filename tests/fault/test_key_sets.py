"""Key sets over real HTTP.

A provider misbehaves on command, and addresses that must not be called are tried.
"""

from __future__ import annotations

import asyncio
import json
import re
import tracemalloc
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from sessiond import AsyncClient, ProviderTokens, Reason, Rejection, Session, UnavailableError
from sessiond_server.adapters.http.issuer_documents import Document, IssuerDocuments
from sessiond_server.adapters.http.outbound import Failed, Outbound
from sessiond_server.adapters.system_clock import SystemClock
from sessiond_server.app.issuers import key_set_reader
from sessiond_server.domain.policy import IssuerPolicy
from sessiond_server.service.storage.key_sets import NotShared
from sessiond_server.service.validation.key_source import Unfetched
from sessiond_server.service.validation.remote_keys import RemoteKeySet
from tests.support.config import Config, scalekit
from tests.support.fakes import RecordingTelemetry, SilentLogger
from tests.support.forked import sessiond
from tests.support.idp import Idp, running_idp
from tests.support.server import serving
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

UNTRUSTED = ["html", "500", "redirect", "gzip", "huge", "endless", "empty"]


@pytest.fixture(scope="module")
async def idp(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Idp]:
    async with running_idp(tmp_path_factory.mktemp("k") / "idp.json") as idp:
        yield idp


@pytest.fixture(autouse=True)
async def well_behaved(idp: Idp) -> None:
    await idp.switch(keys="good", jwks_uri="")


@asynccontextmanager
async def outbound(**settings: Any) -> AsyncIterator[Outbound]:
    async with Outbound(
        **({"allow_http": True, "allowed_networks": (), "logger": SilentLogger()} | settings)
    ) as way:
        yield way


def documents(issuer: str, way: Outbound, **settings: Any) -> IssuerDocuments:
    return IssuerDocuments(issuer, way, **({"jwks_url": None, "addresses": {}, "discovery": True} | settings))


def key_set(issuer: str, source: IssuerDocuments) -> RemoteKeySet:
    policy = IssuerPolicy(issuer, frozenset({"api"}), frozenset({"RS256"}))
    return RemoteKeySet(
        issuer,
        source.key_set,
        read=key_set_reader(policy, logger=SilentLogger()),
        max_stale=timedelta(hours=1),
        clock=SystemClock(),
        logger=SilentLogger(),
        telemetry=RecordingTelemetry(),
        shared=NotShared(),
    )


async def test_keys_are_found_by_discovery(idp: Idp) -> None:
    await idp.switch(keys="good")
    async with outbound() as way:
        keys = key_set(idp.issuer, documents(idp.issuer, way))
        await keys.refresh()
        assert (len(keys), keys.last_outcome) == (1, "ok")
        await keys.refresh()
        assert keys.last_outcome == "not_modified"
        counts = await idp.counts()
        assert (counts["keys"], counts["discovery"]) == (2, 1)


async def test_whoever_answers_for_another_issuer_answers_for_nothing(idp: Idp) -> None:
    async with outbound() as way:
        found = await documents(idp.issuer.replace("127.0.0.1", "localhost"), way).key_set(None)
        assert isinstance(found, Unfetched)
        assert found.why == "discovery"


@pytest.mark.parametrize(
    "address",
    [
        "http://169.254.169.254/keys",
        "https://[::ffff:169.254.169.254]/keys",
        "https://10.0.0.1/keys",
        "file:///etc/passwd",
    ],
)
async def test_discovery_does_not_lead_elsewhere(idp: Idp, address: str) -> None:
    await idp.switch(keys="good", jwks_uri=address)
    async with outbound() as way:
        keys = key_set(idp.issuer, documents(idp.issuer, way))
        await keys.refresh()
        assert keys.last_outcome == "refused_address"
        await idp.switch(jwks_uri="")
        await keys.refresh()
        assert keys.last_outcome == "ok"


@pytest.mark.parametrize("mode", UNTRUSTED)
async def test_a_key_set_that_is_none_leaves_the_known_keys(idp: Idp, mode: str) -> None:
    await idp.switch(keys="good")
    async with outbound() as way:
        keys = key_set(idp.issuer, documents(idp.issuer, way))
        await keys.refresh()
        (key_id,) = keys._keys
        await idp.switch(keys=mode)
        tracemalloc.start()
        await keys.refresh()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert keys.failures
        assert keys.find(key_id) is not None
        assert peak < 4 << 20


async def test_garbage_among_good_keys_harms_none_of_them(idp: Idp) -> None:
    await idp.switch(keys="garbage")
    async with outbound() as way:
        keys = key_set(idp.issuer, documents(idp.issuer, way))
        await keys.refresh()
        assert len(keys) == 1


async def test_a_key_that_was_swapped_under_its_id_verifies_nothing_of_the_former(idp: Idp) -> None:
    await idp.switch(keys="good")
    async with outbound() as way:
        keys = key_set(idp.issuer, documents(idp.issuer, way))
        await keys.refresh()
        (key_id, former), version = *keys._keys.items(), keys.version
        await idp.switch(keys="swap")
        await keys.refresh()
        assert keys.find(key_id) not in (None, former)
        assert keys.version > version


async def test_a_slow_answer_is_given_up(idp: Idp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessiond_server.adapters.http.outbound.DOCUMENT_SECONDS", 0.2)
    await idp.switch(keys="slow")
    async with outbound() as way:
        found = await documents(idp.issuer, way).key_set(None)
        assert isinstance(found, Unfetched)
        assert found.why == "no_reply"


@pytest.mark.parametrize(
    "url",
    [
        "https://169.254.169.254/keys",
        "https://[::ffff:127.0.0.1]/keys",
        "https://[::1]/keys",
        "https://127.0.0.1/keys",
        "https://localhost/keys",
        "https://0x7f000001/keys",
        "https://2130706433/keys",
        "https://10.0.0.1/keys",
        "https://[64:ff9b::a9fe:a9fe]/keys",
        "http://1.1.1.1/keys",
        "file:///etc/passwd",
        "https://",
    ],
)
async def test_addresses_that_are_not_public_are_refused(url: str) -> None:
    async with outbound(allow_http=False) as way:
        assert await way.get(url) is Failed.REFUSED_ADDRESS


async def test_loopback_is_for_those_who_allow_http_and_nothing_more(idp: Idp) -> None:
    await idp.switch(keys="good")
    async with outbound() as way:
        assert not isinstance(await way.get(f"{idp.issuer}/keys"), Failed)
        assert await way.get("http://169.254.169.254/keys") is Failed.REFUSED_ADDRESS
    async with outbound(allow_http=False, allowed_networks=["127.0.0.0/8"]) as way:
        assert await way.get("https://127.0.0.1:1/keys") is Failed.NOBODY_LISTENS


async def test_nothing_is_followed_kept_or_unpacked(idp: Idp) -> None:
    async with outbound() as way:
        await idp.switch(keys="redirect")
        assert await way.get(f"{idp.issuer}/keys") is Failed.REDIRECTED
        await idp.switch(keys="gzip")
        assert await way.get(f"{idp.issuer}/keys") is Failed.ENCODED
        await idp.switch(keys="huge")
        assert await way.get(f"{idp.issuer}/keys") is Failed.TOO_LARGE


async def test_a_key_set_whose_life_is_told_is_kept_so_long(idp: Idp) -> None:
    await idp.switch(keys="good")
    async with outbound() as way:
        found = await documents(idp.issuer, way).key_set(None)
        assert isinstance(found, Document)
        assert found.lifetime_seconds == 60


@pytest.mark.slow
async def test_one_issuer_that_is_down_stops_no_other(idp: Idp, tmp_path: Path) -> None:
    await idp.switch(keys="good")
    refused = {"issuer": "https://169.254.169.254", "audiences": ["a"]}
    local = {"issuer": "https://own.example", "preset": "local", "audiences": ["own"]}
    config = Config(tmp_path, issuers=[scalekit(idp.issuer, tmp_path, tenants=["org_1"]), refused, local])
    config.tables["server"] = {"anonymous": ["validate", "session", "mint"]}
    async with (
        serving(config.write(), config.data, tmp_path / "log") as server,
        AsyncClient(server.grpc, timeout=5) as client,
        aiohttp.ClientSession() as web,
    ):
        assert isinstance(await client.validate((await idp.login())["access_token"]), Session)
        own = await client.create_local_session("alice")
        assert isinstance(await client.validate(own.access_token), Session)
        stranger = await client.validate((await idp.login(tenant="org_2"))["access_token"])
        assert isinstance(stranger, Rejection)
        assert stranger.reason is Reason.CLAIM_INVALID
        async with web.get(f"http://{server.http}/metrics") as answer:
            text = await answer.text()
        assert 'sessiond_key_set_fetches_total{issuer="https://169.254.169.254",outcome="discovery"}' in text
        assert f'sessiond_key_set_fetches_total{{issuer="{idp.issuer}",outcome="ok"}} 1.0' in text
        assert await server.said(event="an issuer's address is not one that may be called")
        forged = own.access_token.split(".")
        with pytest.raises(UnavailableError) as unavailable:
            await client.validate(_with_issuer(forged, "https://169.254.169.254"), timeout=2)
        assert unavailable.value.reason in {"KEYS_UNAVAILABLE", ""}


def _with_issuer(segments: list[str], issuer: str, *, key_id: str = "k") -> str:
    """The same token as that issuer might have sent it; nobody can say whether it did."""
    import base64

    header, payload = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in segments[:2])
    changed = ({**header, "alg": "RS256", "kid": key_id}, {**payload, "iss": issuer})
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in changed]
    return ".".join([*parts, segments[2]])


async def test_the_event_loop_goes_on_while_an_issuer_sends_without_end(idp: Idp) -> None:
    await idp.switch(keys="endless")
    async with outbound() as way:
        fetch = asyncio.create_task(way.get(f"{idp.issuer}/keys"))
        turns = 0
        while not fetch.done():
            await asyncio.sleep(0)
            turns += 1
        assert await fetch is Failed.TOO_LARGE
        assert turns > 1
        await eventually(fetch.done)


@pytest.mark.slow
async def test_a_revoke_that_lands_while_keys_are_fetched_is_seen_by_the_verdict(tmp_path: Path) -> None:
    async with running_idp(tmp_path / "idp.json") as idp:
        config = Config(tmp_path, issuers=[scalekit(idp.issuer, tmp_path)])
        config.tables["server"] = {"anonymous": ["validate", "session", "revoke"]}
        async with (
            serving(config.write(), config.data, tmp_path / "log") as server,
            AsyncClient(server.grpc, timeout=5) as client,
        ):
            await idp.change_keys("add")
            revoked, spared = [
                (await idp.login(subject=subject))["access_token"] for subject in ("usr_1", "usr_2")
            ]
            await idp.switch(keys="hold")
            verdicts = [asyncio.create_task(client.validate(token)) for token in (revoked, spared)]
            await eventually(lambda: _was_asked(idp))
            await client.revoke_subject(idp.issuer, "usr_1")
            assert not any(verdict.done() for verdict in verdicts)
            await idp.switch(keys="good")
            rejection, session = [await verdict for verdict in verdicts]
            assert isinstance(rejection, Rejection)
            assert rejection.reason is Reason.REVOKED
            assert isinstance(session, Session)


async def _was_asked(idp: Idp) -> bool:
    return bool((await idp.counts())["keys"])


@pytest.mark.slow
async def test_a_server_that_starts_while_the_issuer_is_away_serves_from_the_shared_keys(
    tmp_path: Path,
) -> None:
    async with running_idp(tmp_path / "idp.json") as idp:
        config = Config(tmp_path, issuers=[scalekit(idp.issuer, tmp_path)])
        token = (await idp.login())["access_token"]
        async with serving(config.write(), config.data, tmp_path / "1.log"):
            pass
        await idp.stop()
        async with (
            serving(config.write(), config.data, tmp_path / "2.log") as server,
            AsyncClient(server.grpc, timeout=5) as client,
        ):
            assert isinstance(await client.validate(token), Session)
        await idp.start()
        assert (await idp.counts())["keys"] == 0


async def test_what_says_that_nothing_has_changed_unasked_says_nothing(idp: Idp) -> None:
    async with outbound() as way:
        source = documents(idp.issuer, way)
        await idp.switch(keys="unchanged")
        unasked = Unfetched("status", "not modified, which nobody has asked")
        assert await source.key_set(None) == unasked
        assert await source.key_set(None, anew=True) == unasked
        found = await source.key_set('"v1"')
        assert isinstance(found, Document)
        assert found.body is None


async def test_a_key_set_that_has_moved_is_found_where_it_is_fetched_anew(idp: Idp) -> None:
    async with outbound() as way:
        source = documents(idp.issuer, way)
        await source.key_set(None)
        await idp.switch(jwks_uri=f"{idp.issuer}/nowhere")
        assert isinstance(await source.key_set(None), Document)
        found = await source.key_set(None, anew=True)
        assert isinstance(found, Unfetched)
        assert found.why == "status"


async def test_caches_on_the_way_are_asked_to_ask_the_issuer() -> None:
    read: list[str] = []
    async with answering(b"", read=read) as url, outbound() as way:
        source = documents(url, way, jwks_url=url)
        await source.key_set(None)
        await source.key_set(None, anew=True)
    assert ["Cache-Control: no-cache" in one for one in read] == [False, True]


@pytest.mark.slow
async def test_strangers_keep_no_session_from_a_new_key_of_its_provider(tmp_path: Path) -> None:
    async with running_idp(tmp_path / "idp.json") as idp:
        config = Config(tmp_path, issuers=[scalekit(idp.issuer, tmp_path)])
        config.tables["server"] = {"anonymous": ["validate", "session"]}
        async with (
            serving(config.write(), config.data, tmp_path / "log") as server,
            AsyncClient(server.grpc, timeout=5) as client,
        ):
            login = await idp.login()
            opened = await client.create_session(
                idp.issuer, ProviderTokens(login["access_token"], login["refresh_token"])
            )
            parts = login["access_token"].split(".")
            made_up = [_with_issuer(parts, idp.issuer, key_id=f"made-up-{number}") for number in range(4)]
            verdicts = [await client.validate(token) for token in made_up[:3]]
            assert {isinstance(one, Rejection) and one.reason for one in verdicts} == {Reason.KEY_UNKNOWN}
            await idp.change_keys("add")
            fresh = (await idp.login())["access_token"]
            for token in (made_up[3], fresh):
                with pytest.raises(UnavailableError) as unavailable:
                    await client.validate(token, timeout=1)
                assert unavailable.value.reason in {"KEYS_UNAVAILABLE", ""}
            refreshed = await client.refresh(opened.refresh_token)
            assert isinstance(await client.validate(refreshed.access_token), Session)
            assert isinstance(await client.validate(fresh), Session)


async def jwks(config: Path, *arguments: str) -> tuple[int | None, str]:
    """Exit status of `sessiond jwks`, and what it printed."""
    return await sessiond("jwks", "--config", str(config), *arguments)


@pytest.mark.slow
async def test_a_stolen_key_is_forgotten_by_every_server_when_that_is_ordered(tmp_path: Path) -> None:
    async with running_idp(tmp_path / "idp.json") as idp:
        config = Config(tmp_path, issuers=[scalekit(idp.issuer, tmp_path)])
        file = config.write()
        stolen = (await idp.login())["access_token"]
        async with (
            serving(file, config.data, tmp_path / "log") as server,
            AsyncClient(server.grpc, timeout=5) as client,
        ):
            assert isinstance(await client.validate(stolen), Session)
            await idp.change_keys("add")
            await idp.change_keys("drop")
            assert isinstance(await client.validate(stolen), Session)
            status, said = await jwks(file, "--refresh", idp.issuer)
            assert status == 0
            (carried_out,) = await server.said(
                event="the key set of an issuer was fetched anew, as was ordered", issuer=idp.issuer
            )
            assert carried_out["key_ids"] == re.findall(r"snk_\w+", said)
            verdict = await client.validate(stolen)
            assert isinstance(verdict, Rejection)
            assert verdict.reason is Reason.KEY_UNKNOWN
            assert isinstance(await client.validate((await idp.login())["access_token"]), Session)
            (ordered,) = re.findall(r"(sessiond_key_set_order_timestamp_seconds\S+) (\S+)$", said)
            async with (
                aiohttp.ClientSession() as web,
                web.get(f"http://{server.http}/metrics") as answer,
            ):
                shown = re.findall(re.escape(ordered[0]) + r" (\S+)", await answer.text())
            assert list(map(float, shown)) == [float(ordered[1])]


async def test_an_order_for_whom_nobody_knows_names_those_who_are_known(idp: Idp, tmp_path: Path) -> None:
    config = Config(tmp_path, issuers=[scalekit(idp.issuer, tmp_path)]).write()
    status, said = await jwks(config, "--refresh", "https://other.example")
    refused = "sessiond: --refresh: found 'https://other.example', allowed: "
    assert (status, said) == (2, f"{refused}{idp.issuer}\n")


async def test_an_order_that_no_server_can_hear_is_refused(idp: Idp, tmp_path: Path) -> None:
    config = Config(tmp_path, issuers=[scalekit(idp.issuer, tmp_path)])
    config.data.mkdir(mode=0o700)
    status, said = await jwks(config.write(), "--refresh")
    assert status == 2
    assert "no store runs here" in said


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b'"v1"', '"v1"'),
        (b'W/"v1"', 'W/"v1"'),
        (b'"' + b"x" * 254 + b'"', '"' + "x" * 254 + '"'),
        (b'"' + b"x" * 255 + b'"', None),
        (b'"\xff"', None),
        ('"é"'.encode(), None),
        (b'"a b"', None),
        (b"", None),
    ],
)
async def test_an_entity_tag_is_kept_if_it_is_short_and_ascii(sent: bytes, kept: str | None) -> None:
    async with answering(sent) as url, outbound() as way:
        found = await documents(url, way, jwks_url=url).key_set(None)
        assert isinstance(found, Document)
        assert found.entity_tag == kept


async def test_an_entity_tag_that_is_no_text_leaves_the_refresh_going(tmp_path: Path) -> None:
    async with answering(b'"\xff"') as url:
        issuer = scalekit(url, tmp_path) | {"jwks_url": url}
        config = Config(tmp_path, issuers=[issuer])
        async with serving(config.write(), config.data, tmp_path / "log") as server:
            events = server.events()
    assert "work in the background failed, it begins again" not in events
    assert "the key set of an issuer was not fetched" not in events


@asynccontextmanager
async def answering(entity_tag: bytes, *, read: list[str] | None = None) -> AsyncIterator[str]:
    """The address of a key set whose entity tag is written as it is, which no HTTP library does.

    What it was asked is added to `read`.
    """
    key = rsa.generate_private_key(65537, 2048).public_key()
    jwk = RSAAlgorithm.to_jwk(key, as_dict=True) | {"kid": "k", "alg": "RS256", "use": "sig"}
    body = json.dumps({"keys": [jwk]}).encode()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        if read is not None:
            read.append(asked.decode())
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nETag: %s\r\n\r\n" % (len(body), entity_tag)
        writer.write(head + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
