"""Certificates that expire, or are replaced under a server that goes on (fault row 27)."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from sessiond import AsyncClient, Rejection, Tls, UnavailableError
from tests.support.certificates import Authority
from tests.support.config import Config
from tests.support.local_issuer import on_store
from tests.support.rotators import Rotations, rotating
from tests.support.server import Server, serving
from tests.support.valkeys import TlsValkey, free_port, speaks_tls
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

with_tls = pytest.mark.skipif(not speaks_tls(), reason="needs a redis-server with TLS, as Debian has it")
EXPIRED = 0
BEGUN = "the store does not do as told"


class Files:
    """Our files: the authority of whom we talk to, and a certificate of it."""

    def __init__(self, directory: Path, authority: Authority) -> None:
        self.directory = directory
        self.ca_file = directory / "our-ca.pem"
        self.take(authority)

    def take(self, authority: Authority, *, days: int = 7) -> None:
        self.ca_file.write_bytes(authority.certificate)
        self.ca_file.chmod(0o600)
        self.cert_file, self.key_file = authority.issue("127.0.0.1", days=days).write(self.directory, "ours")

    @property
    def settings(self) -> dict[str, str]:
        names = ("ca_file", "cert_file", "key_file")
        return {name: str(getattr(self, name)) for name in names}


@asynccontextmanager
async def on_tls(directory: Path) -> AsyncIterator[tuple[TlsValkey, Files, Server, Rotations]]:
    """A server whose store speaks TLS, and callers that refresh."""
    store = TlsValkey(directory / "store", free_port())
    await store.start()
    try:
        files = Files(directory, store.authority)
        config = on_store(directory, store.url, **files.settings)
        async with (
            serving(config.write(), directory, directory / "log") as server,
            rotating([server.grpc], sessions=4) as rotations,
        ):
            yield store, files, server, rotations
    finally:
        await store.close()


async def is_refused(rotations: Rotations) -> None:
    """Return when every caller has been told that the store cannot be had."""
    before = rotations.told.unavailable["STORE_UNAVAILABLE"]
    wanted = before + 2 * len(rotations.rotators)
    await eventually(lambda: rotations.told.unavailable["STORE_UNAVAILABLE"] > wanted)


async def expiry(server: Server, name: str) -> float:
    _, lines = await server.page("/metrics")
    return float(next(line for line in lines if line.startswith(f"sessiond_{name} ")).split()[1])


@with_tls
@pytest.mark.slow
async def test_the_same_tokens_go_on_when_the_stores_certificates_have_been_replaced(tmp_path: Path) -> None:
    async with on_tls(tmp_path) as (store, files, server, rotations):
        before = await expiry(server, "store_certificate_expiry_timestamp_seconds")
        for authority in (Authority("new"), Authority("newer")):
            await store.show(authority)
            await is_refused(rotations)
            files.take(authority, days=30)
            await rotations.go_on()
        assert await expiry(server, "store_certificate_expiry_timestamp_seconds") > before
        assert await server.said(event=BEGUN, kind="certificate")


@with_tls
async def test_a_store_whose_certificate_has_expired_is_not_talked_to(tmp_path: Path) -> None:
    async with on_tls(tmp_path) as (store, _, server, rotations):
        await store.show(store.authority, days=EXPIRED)
        await is_refused(rotations)
        assert await server.said(event=BEGUN, kind="certificate")
        await store.show(store.authority)
        await rotations.go_on()


@asynccontextmanager
async def with_certificate(directory: Path, authority: Authority) -> AsyncIterator[tuple[Files, Server]]:
    """A server that shows a certificate of this authority, and wants one of it."""
    files = Files(directory, authority)
    config = Config(directory)
    config.issuers.append({"issuer": "https://sessions.example", "preset": "local", "audiences": ["web"]})
    config.callers.append({"name": "mesh", "groups": ["validate"], "identities": ["pay.internal"]})
    names = {"cert_file": "cert_file", "key_file": "key_file", "client_ca_file": "ca_file"}
    config.tables["server"] = {"tls": {name: str(getattr(files, ours)) for name, ours in names.items()}}
    async with serving(config.write(), config.data, directory / "log") as server:
        yield files, server


async def is_answered(server: Server, authority: Authority, *, days: int = 7) -> bool:
    """Whether a new connection of a caller with a certificate of this authority gets an answer."""
    pair = authority.issue("pay.internal", days=days)
    tls = Tls(authority.certificate, pair.certificate, pair.key)
    async with AsyncClient(server.grpc, tls=tls, timeout=2) as client:
        try:
            return isinstance(await client.validate("x"), Rejection)
        except UnavailableError:
            return False


async def test_a_certificate_that_has_expired_is_replaced_without_a_restart(tmp_path: Path) -> None:
    authority = Authority()
    async with with_certificate(tmp_path, authority) as (files, server):
        assert await is_answered(server, authority)
        assert not await is_answered(server, authority, days=EXPIRED)
        files.take(authority, days=EXPIRED)
        assert not await is_answered(server, authority)
        expired_at = await expiry(server, "certificate_expiry_timestamp_seconds")
        files.take(authority)
        assert await is_answered(server, authority)
        assert await expiry(server, "certificate_expiry_timestamp_seconds") > expired_at
