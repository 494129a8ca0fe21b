"""`sessiond serve` and `sessiond check`.

Mistakes are told at once, stores of one's own are used, and what is not right keeps a server NOT_SERVING.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from sessiond import AsyncClient, Session
from sessiond_server.adapters.embedded.data_directory import secret_file
from sessiond_server.adapters.embedded.store import embedded_store
from sessiond_server.adapters.jwt.local_issuer import create_signing_key
from sessiond_server.adapters.store.connection import StoreAddress, connect
from tests.support.config import Config, key_file, scalekit
from tests.support.fakes import SilentLogger
from tests.support.forked import sessiond
from tests.support.idp import running_idp
from tests.support.server import serving
from tests.support.store import connected
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from sessiond_server.adapters.embedded.store import EmbeddedStore

LOCAL = {"issuer": "https://sessions.example", "preset": "local", "audiences": ["web"]}


async def command(*arguments: str) -> tuple[int | None, list[str]]:
    """Exit status, and the lines that were printed."""
    status, said = await sessiond(*arguments)
    return status, said.splitlines()


def own_keys(config: Config) -> None:
    """What a store of one's own needs."""
    for name in ("pepper", "seal"):
        key_file(config.directory / name)
    config.tables["keys"] = {
        "pepper_files": [str(config.directory / "pepper")],
        "sealing_files": [str(config.directory / "seal")],
    }


def on_store_of_ones_own(directory: Path, store: EmbeddedStore) -> Config:
    """A configuration with a local issuer on a store that runs already, in `store` below `directory`."""
    keys = directory / "store"
    config = Config(directory, issuers=[{**LOCAL, "signing_key_files": [str(keys / "signing-key.pem")]}])
    config.tables["store"] = {"url": f"unix://{store.socket_path}"}
    own_keys(config)
    secret_file(keys, "signing-key.pem", create=create_signing_key)
    return config


async def test_every_mistake_is_a_line_and_nothing_starts(tmp_path: Path) -> None:
    config = Config(tmp_path, issuers=[{"issuer": "http://id.example", "audiences": ["a"]}])
    config.tables["server"] = {"lisen": "x", "http": "nowhere", "listen": "0.0.0.0:1"}
    config.tables["sessions"] = {"grace": "2h"}
    config.callers.append({"name": "a", "groups": ["validat"], "key_files": ["/nowhere"]})
    for name in ("serve", "check"):
        status, lines = await command(name, "--config", str(config.write()))
        assert status == 2
        assert [line.split(": ")[:2] for line in lines] == [
            ["sessiond", path]
            for path in (
                "server.lisen",
                "server.http",
                "sessions.grace",
                "callers[0].groups",
                "callers[0].key_files",
                "server.listen",
                "issuers[0].issuer",
            )
        ]
    assert not config.data.exists()


async def test_every_file_that_cannot_be_used_is_a_line(tmp_path: Path) -> None:
    config = Config(tmp_path, issuers=[{**LOCAL, "signing_key_files": [str(tmp_path / "not-pem")]}])
    config.tables["store"] = {"url": "redis://127.0.0.1:1"}
    own_keys(config)
    (tmp_path / "not-pem").write_text("sesame")
    (tmp_path / "short").write_text(base64.b64encode(b"short").decode())
    key = config.caller("a", ["validate"])
    config.callers.append({"name": "b", "groups": [], "key_files": [str(tmp_path / "again")]})
    (tmp_path / "again").write_text(key)
    config.tables["keys"]["pepper_files"].append(str(tmp_path / "short"))
    (tmp_path / "seal").chmod(0o622)
    status, lines = await command("serve", "--config", str(config.write()))
    assert status == 2
    for line, (path, why) in zip(
        lines,
        [
            ("keys.pepper_files", "has 5 bytes"),
            ("keys.sealing_files", "must not write"),
            ("issuers[0].signing_key_files", "not an unencrypted PEM private key"),
            ("callers[1].key_files", "holds the same key as"),
        ],
        strict=True,
    ):
        assert line.startswith(f"sessiond: {path}: ")
        assert why in line
        assert "sesame" not in line


async def test_help_shows_the_way() -> None:
    for name in ("serve", "check", "dev"):
        status, lines = await command(name, "--help")
        assert status == 0
        assert any("Example" in line for line in lines)
    status, lines = await command("serve")
    assert (status, lines[-1]) == (2, "Error: Missing option '--config'.")


async def test_check_shows_what_works_and_what_does_not(tmp_path: Path) -> None:
    async with running_idp(tmp_path / "idp.json") as idp:
        config = Config(tmp_path, issuers=[scalekit(idp.issuer, tmp_path)])
        status, lines = await command("check", "--config", str(config.write()))
        assert status == 0
        assert not any(line.startswith("error") for line in lines)
        assert any(idp.issuer in line and "keys: 1; sessions and validation" in line for line in lines)
        config.tables["store"] = {"url": "redis://127.0.0.1:1"}
        own_keys(config)
        await idp.switch(keys="500")
        status, lines = await command("check", "--config", str(config.write()))
    assert status == 2
    failed = [line for line in lines if line.startswith("error")]
    assert len(failed) == 2
    assert "no answer" in failed[0]
    assert f'no keys: "{idp.issuer}/keys": HTTP 500' in failed[1]


async def test_check_says_that_a_store_takes_no_writes(tmp_path: Path) -> None:
    async with embedded_store(tmp_path / "store", logger=SilentLogger()) as store:
        redis = connect(StoreAddress(f"unix://{store.socket_path}"))
        await connected(redis).stores.durability.pin_partitions()
        await redis.config_set("maxmemory", 1)
        config = on_store_of_ones_own(tmp_path, store)
        status, lines = await command("check", "--config", str(config.write()))
        assert status == 2
        assert any("takes no writes: OOM" in line for line in lines)
        await redis.aclose()


async def test_sessions_in_a_store_of_ones_own(tmp_path: Path) -> None:
    async with embedded_store(tmp_path / "store", logger=SilentLogger()) as store:
        config = Config(
            tmp_path, issuers=[{**LOCAL, "signing_key_files": [str(tmp_path / "store" / "signing-key.pem")]}]
        )
        secret_file(tmp_path / "store", "signing-key.pem", create=create_signing_key)
        config.tables["store"] = {"url": f"unix://{store.socket_path}"}
        config.tables["server"] = {"anonymous": ["validate", "session", "mint"]}
        own_keys(config)
        async with (
            serving(config.write(), tmp_path / "store", tmp_path / "log") as server,
            AsyncClient(server.grpc, timeout=5) as client,
        ):
            tokens = await client.create_local_session("alice")
            assert isinstance(await client.validate(tokens.access_token), Session)
            discovery = f"http://{server.http}/.well-known/openid-configuration"
            async with aiohttp.ClientSession() as web, web.get(discovery) as answer:
                assert (await answer.json())["jwks_uri"] == "https://sessions.example/.well-known/jwks.json"
            assert (await client.refresh(tokens.refresh_token)).session.subject == "alice"


async def readiness(http: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as web, web.get(f"http://{http}/readyz") as answer:
        return answer.status, await answer.text()


def _not_serving(line: dict[str, Any]) -> list[str]:
    return line["reasons"] if line["event"] == "not serving" else []


@pytest.mark.parametrize(
    ("setting", "value", "fault", "risk"),
    [
        ("maxmemory-policy", "allkeys-lru", "evict", "eviction"),
        ("appendonly", "no", "forgets", "no_persistence"),
    ],
)
async def test_a_store_that_could_lose_a_revocation_is_not_served_from(
    tmp_path: Path, setting: str, value: str, fault: str, risk: str
) -> None:
    async with embedded_store(tmp_path / "store", logger=SilentLogger()) as store:
        redis = connect(StoreAddress(f"unix://{store.socket_path}"))
        await redis.config_set(setting, value)
        async with running_idp(tmp_path / "idp.json") as idp:
            config = Config(tmp_path, issuers=[scalekit(idp.issuer, tmp_path)])
            config.tables["store"] = {"url": f"unix://{store.socket_path}"}
            own_keys(config)
            async with serving(
                config.write(), tmp_path / "store", tmp_path / "1.log", until="listening"
            ) as server:
                await eventually(
                    lambda: any(fault in text for line in server.lines() for text in _not_serving(line))
                )
                assert "serving" not in server.events()
                status, text = await readiness(server.http)
                assert (status, fault in text) == (503, True)
            config.tables["store"]["accept_risks"] = [risk]
            async with serving(config.write(), tmp_path / "store", tmp_path / "2.log"):
                pass
        await redis.aclose()


async def test_a_store_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    config = Config(
        tmp_path, issuers=[{**LOCAL, "signing_key_files": [str(tmp_path / "d" / "signing-key.pem")]}]
    )
    config.tables["store"] = {"url": f"unix://{config.data}/valkey.sock"}
    own_keys(config)
    secret_file(config.data, "signing-key.pem", create=create_signing_key)
    async with (
        serving(config.write(), config.data, tmp_path / "log", until="waiting for the store") as server,
        embedded_store(config.data, logger=SilentLogger()),
    ):
        await eventually(lambda: "serving" in server.events(), timeout=10)


async def test_a_store_that_was_never_begun_is_waited_for_while_it_takes_no_writes(tmp_path: Path) -> None:
    async with embedded_store(tmp_path / "store", logger=SilentLogger()) as store:
        redis = connect(StoreAddress(f"unix://{store.socket_path}"))
        await redis.config_set("maxmemory", 1)
        config = on_store_of_ones_own(tmp_path, store)
        async with serving(
            config.write(), tmp_path / "store", tmp_path / "log", until="waiting for the store"
        ) as server:
            assert [line["kind"] for line in server.lines() if "kind" in line] == ["OOM"]
            await redis.config_set("maxmemory", 0)
            await eventually(lambda: "serving" in server.events(), timeout=10)
        await redis.aclose()


async def test_it_stops_while_it_waits_for_its_store(tmp_path: Path) -> None:
    config = Config(tmp_path, issuers=[{"issuer": "https://id.example", "audiences": ["a"]}])
    config.tables["store"] = {"url": "redis://127.0.0.1:1"}
    own_keys(config)
    async with serving(
        config.write(), config.data, tmp_path / "log", until="waiting for the store"
    ) as server:
        assert await server.stop() == 0


async def test_beyond_loopback_it_takes_a_flag(tmp_path: Path) -> None:
    config = Config(tmp_path, issuers=[LOCAL])
    config.tables["server"] = {"listen": "0.0.0.0:0", "http": "0.0.0.0:0", "anonymous": []}
    status, lines = await command("serve", "--config", str(config.write()))
    assert status == 2
    assert [line.split(": ")[1] for line in lines] == ["server.http", "server.listen"]
    assert all("--insecure-plaintext" in line for line in lines)
    async with serving(config.write(), config.data, tmp_path / "log", "--insecure-plaintext") as server:
        assert all(address.startswith("0.0.0.0:") for address in (server.grpc, server.http))


def socket_mode(path: Path) -> Any:
    return path.stat().st_mode & 0o777


async def test_a_unix_socket_has_the_mode_that_is_set(tmp_path: Path) -> None:
    config = Config(tmp_path, issuers=[LOCAL])
    run = tmp_path / "run"
    run.mkdir(mode=0o700)
    config.tables["server"] = {"listen": f"unix:{run}/s.sock", "socket_mode": "0600", "anonymous": ["mint"]}
    async with (
        serving(config.write(), config.data, tmp_path / "log") as server,
        AsyncClient(server.grpc) as client,
    ):
        assert socket_mode(run / "s.sock") == 0o600
        assert (await client.create_local_session("alice")).session.subject == "alice"
