"""How we show the store who we are: with files that may be replaced at any time (fault row 27)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessiond_server.adapters.secrets.watched import WatchedTls, watched_text
from sessiond_server.adapters.store.connection import Identity, StoreAddress, connect
from sessiond_server.domain.failures import StoreUnavailableError
from tests.support.certificates import Authority
from tests.support.fakes import RecordingLogger
from tests.support.store import Store, connected
from tests.support.valkeys import TlsValkey, free_port, speaks_tls
from tests.support.watched import BEGUN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from redis.asyncio import Redis

    from tests.support.watched import Watched

with_tls = pytest.mark.skipif(not speaks_tls(), reason="needs a redis-server with TLS, as Debian has it")
USER = "sessiond"


def write(path: Path, content: str | bytes) -> Path:
    """Replace a file as an orchestrator does, at once."""
    draft = path.with_suffix(".new")
    draft.write_bytes(content.encode() if isinstance(content, str) else content)
    draft.chmod(0o600)
    return draft.replace(path)


@pytest.fixture
async def user(admin: Redis) -> AsyncIterator[Redis]:
    await admin.execute_command("ACL", "SETUSER", USER, "on", ">first", "~*", "+@all")
    yield admin
    await admin.execute_command("ACL", "DELUSER", USER)


async def test_a_new_password_is_used_without_a_restart(own: Watched, user: Redis, tmp_path: Path) -> None:
    password = watched_text(write(tmp_path / "password", "first\n"), logger=own.logger)
    own.clients.append(connect(StoreAddress(own.url, Identity(USER, password.current))))
    store = connected(own.clients[-1], logger=own.logger)
    assert await store.open()
    await user.execute_command("ACL", "SETUSER", USER, "resetpass", ">second")
    await user.execute_command("CLIENT", "KILL", "USER", USER)
    write(tmp_path / "password", "second\n")
    assert await store.open()
    assert own.logger.lines == [("info", "new files are in use", {"files": [str(tmp_path / "password")]})]


async def test_a_wrong_password_keeps_the_connections_that_are_open_and_is_told_once(
    own: Watched, user: Redis, tmp_path: Path
) -> None:
    assert user
    password = watched_text(write(tmp_path / "password", "first"), logger=own.logger)
    own.clients.append(connect(StoreAddress(own.url, Identity(USER, password.current))))
    store = connected(own.clients[-1], logger=own.logger)
    assert await store.open()
    write(tmp_path / "password", "wrong")
    pool = own.clients[-1].connection_pool
    established = await pool.get_connection()
    with pytest.raises(StoreUnavailableError):
        await store.open()
    # A connection that fails may be given back behind those that are open.
    failed = _taken(pool)
    await pool.release(established)
    await pool.release(failed)
    for _ in range(8):
        assert await store.open()
    assert [fields["kind"] for fields in own.logger.said(BEGUN)] == ["WRONGPASS"]


def _taken(pool: Any) -> Any:
    """A connection that is not open, as one who is about to open it has it."""
    taken = pool.get_available_connection()
    assert not taken.is_connected
    return taken


async def test_a_password_that_is_away_leaves_the_one_before(tmp_path: Path) -> None:
    logger = RecordingLogger()
    path = write(tmp_path / "password", "first")
    password = watched_text(path, logger=logger)
    path.unlink()
    assert [password.current() for _ in range(3)] == ["first"] * 3
    write(path, "")
    assert [password.current() for _ in range(3)] == ["first"] * 3
    write(path, "second")
    assert password.current() == "second"
    assert logger.levels == ["error", "error", "info"]
    assert "first" not in repr(logger.lines)


@pytest.fixture
async def tls_store(tmp_path: Path) -> AsyncIterator[TlsValkey]:
    server = TlsValkey(tmp_path / "server", free_port())
    await server.start()
    yield server
    await server.close()


class OurFiles:
    """What we have: an authority for the store's certificate, and a certificate and its key."""

    def __init__(self, directory: Path, server: TlsValkey, logger: RecordingLogger) -> None:
        self.directory, self.server, self.logger = directory, server, logger
        self.ca_file = write(directory / "our-ca.pem", server.authority.certificate)
        self.cert_file, self.key_file = server.authority.issue("127.0.0.1").write(directory, "ours")
        files = {"ca_file": self.ca_file, "cert_file": self.cert_file, "key_file": self.key_file}
        self.tls = WatchedTls(**files, logger=logger)
        identity = Identity(USER, lambda: server.password)
        self.redis = connect(StoreAddress(server.url, identity, tls=self.tls.current))
        self.store: Store = connected(self.redis, logger=logger)


@pytest.fixture
async def ours(tls_store: TlsValkey, tmp_path: Path) -> AsyncIterator[OurFiles]:
    found = OurFiles(tmp_path, tls_store, RecordingLogger())
    yield found
    await found.redis.aclose()


@with_tls
async def test_a_store_with_tls_is_shown_our_certificate(ours: OurFiles) -> None:
    assert await ours.store.open()
    without = WatchedTls(ca_file=ours.ca_file, cert_file=None, key_file=None, logger=ours.logger)
    redis = connect(StoreAddress(ours.server.url, tls=without.current))
    with pytest.raises(StoreUnavailableError):
        await connected(redis).open()
    await redis.aclose()


@with_tls
async def test_a_store_of_another_authority_is_not_talked_to(ours: OurFiles, tmp_path: Path) -> None:
    other = write(tmp_path / "other.pem", Authority("others").certificate)
    tls = WatchedTls(ca_file=other, cert_file=ours.cert_file, key_file=ours.key_file, logger=ours.logger)
    redis = connect(StoreAddress(ours.server.url, tls=tls.current))
    store = connected(redis, logger=ours.logger)
    for _ in range(3):
        with pytest.raises(StoreUnavailableError):
            await store.open()
    assert ours.logger.said(BEGUN) == [{"kind": "certificate"}]
    await redis.aclose()


@with_tls
async def test_new_certificates_are_used_without_a_restart(ours: OurFiles) -> None:
    assert await ours.store.open()
    await ours.server.restart_with(Authority("new"))
    with pytest.raises(StoreUnavailableError):
        await ours.store.open()
    write(ours.ca_file, ours.server.authority.certificate)
    pair = ours.server.authority.issue("127.0.0.1")
    write(ours.cert_file, pair.certificate)
    # The key of it comes later: until then the former pair is used, which the store does not take.
    with pytest.raises(StoreUnavailableError):
        await ours.store.open()
    (said,) = ours.logger.said("new files cannot be used, what was read before stays")
    assert said["why"].endswith(f"is no certificate of the key in {ours.key_file}")
    write(ours.key_file, pair.key)
    assert await ours.store.open()
