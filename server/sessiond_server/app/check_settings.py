"""What settings allow that an operator should have wanted, and whether this machine can carry them out."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Final

from typing_extensions import override

from sessiond_server.adapters.http.outbound import Failed, Outbound
from sessiond_server.app.findings import Finding, Severity
from sessiond_server.app.secrets import Secrets
from sessiond_server.config.settings import ACCEPT_STALE, LOCAL, Settings
from sessiond_server.domain.address import Address, AddressError
from sessiond_server.domain.caller import Group
from sessiond_server.domain.store_url import StoreKind, StoreUrl
from sessiond_server.service.logger import Logger
from sessiond_server.transport.addresses import refuse_taken, require_free_socket

_EXPIRES_SOON: Final = timedelta(days=7)
_SECONDS_A_DAY: Final = 86_400
_ANYWHERE: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, and not bound
# What is looked at there is our own address.
_EVERYWHERE: Final = ("0.0.0.0/0", "::/0")
_HEALTHY: Final = b"ok\n"
_HARMLESS: Final = frozenset({Group.VALIDATE, Group.SESSION, Group.WATCH})


class FileRemarks(Logger):
    """Keeps what is to be said of files that were read."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    @override
    def info(self, event: str, **fields: object) -> None:
        """Nothing of this weight is said of a file."""

    @override
    def warning(self, event: str, **fields: object) -> None:
        file = str(fields.get("file", "files"))
        self.findings.append(Finding(Severity.WARNING, file, event, "mode 0400 or 0440"))

    error = warning


def accepted_risks(settings: Settings) -> Iterator[Finding]:
    """What can be lost, or seen by others, because the settings say so."""
    store, revocation = settings.store, settings.revocation
    for risk in store.accept_risks:
        yield _warning("store.accept_risks", f"{risk}: what was acknowledged can be lost", "no risk")
    if revocation.on_stale == ACCEPT_STALE:
        yield _warning("revocation.on_stale", "tokens that may have been revoked are accepted", "refuse")
    if store.durability == LOCAL and store.kind is not StoreKind.NODE:
        found = "local: what is acknowledged is lost where a replica takes the primary's place"
        yield _warning("store.durability", found, "replicated or all")
    if store.is_embedded:
        yield _note("store.url", "an embedded store: sessions are as safe as this one machine")
    elif not store.is_tls and not StoreUrl.parse(store.url).is_local:
        yield _warning(
            "store.allow_plaintext", "whoever sees the network sees what the store is sent", "rediss"
        )
    yield from _open_ports(settings)
    yield from _workers(settings)
    for index, issuer in enumerate(settings.issuers):
        if issuer.allow_http:
            yield _note(f"issuers[{index}].allow_http", "plain http is allowed, to loopback only")
        if issuer.allowed_networks:
            networks = ", ".join(issuer.allowed_networks)
            yield _note(
                f"issuers[{index}].allowed_networks", f"{networks}, which are not public, may be called"
            )


def _open_ports(settings: Settings) -> Iterator[Finding]:
    server = settings.server
    if not server.listen.is_local and server.tls is None:
        yield _warning("server.listen", f"{server.listen} without TLS: tokens can be read", "[server.tls]")
    if not server.http.is_local:
        yield _note("server.http", f"{server.http} shows metrics and health to whoever reaches it")
    if dangerous := sorted(settings.anonymous - _HARMLESS):
        found = f"anyone who reaches the port is in {', '.join(dangerous)}"
        yield _warning("server.anonymous", found, "validate, session and watch, or [[callers]]")
    if server.reflection:
        yield _note("server.reflection", "anyone who reaches the port may list the methods")


def _workers(settings: Settings) -> Iterator[Finding]:
    many, processors = settings.server.workers, os.cpu_count() or 1
    if many > processors:
        found = f"{many} processes, and {processors} processors"
        yield _warning("server.workers", found, "no more than the machine has processors")
    elif many > 1:
        yield _note("server.workers", f"{many} processes, each with memory and bounds of its own")


def check_callers(settings: Settings) -> list[Finding]:
    """Who may call."""
    if not settings.callers and not settings.anonymous:
        return [Finding(Severity.ERROR, "callers", "nobody may call", "[[callers]] or server.anonymous")]
    known = f"{len(settings.callers)} known"
    anyone = ", ".join(sorted(settings.anonymous))
    return [Finding(Severity.OK, "callers", f"{known}; anyone: {anyone}" if anyone else known)]


def check_certificate(secrets: Secrets) -> list[Finding]:
    """How long the server's own certificate is good."""
    if secrets.certificate is None:
        return []
    field, left = "server.tls.cert_file", secrets.certificate.expires_at - time.time()
    if left <= 0:
        return [Finding(Severity.ERROR, field, "the certificate has expired", "one that is valid")]
    found = f"valid for {left / _SECONDS_A_DAY:.0f} days"
    if left < _EXPIRES_SOON.total_seconds():
        return [_warning(field, found, f"{_EXPIRES_SOON.days} days or more")]
    return [Finding(Severity.OK, field, found)]


async def check_ports(settings: Settings, *, logger: Logger) -> list[Finding]:
    """Whether the server could listen; where a sessiond does already, that is no mistake."""
    server = settings.server
    taken = {name: _why_not(address) for name, address in (("listen", server.listen), ("http", server.http))}
    runs = any(taken.values()) and await _runs_at(server.http, logger=logger)
    return [_of_port(f"server.{name}", why, runs=runs) for name, why in taken.items()]


def _of_port(field: str, why: str, *, runs: bool) -> Finding:
    if not why:
        return Finding(Severity.OK, field, "can be listened on")
    if runs:
        return _note(field, "a sessiond listens there")
    return Finding(Severity.ERROR, field, why, "an address that is free")


def _why_not(address: Address) -> str:
    try:
        if address.path:
            require_free_socket(address.path)
        else:
            refuse_taken(address)
    except AddressError as error:
        return str(error)
    return ""


async def _runs_at(http: Address, *, logger: Logger) -> bool:
    host = "127.0.0.1" if http.host in _ANYWHERE else http.host
    async with AsyncExitStack() as stack:
        way = Outbound(allow_http=True, allowed_networks=_EVERYWHERE, logger=logger)
        await stack.enter_async_context(way)
        found = await way.get(f"http://{Address(host, http.port)}/healthz")
    return not isinstance(found, Failed) and found.body == _HEALTHY


def _note(field: str, found: str) -> Finding:
    return Finding(Severity.NOTE, field, found)


def _warning(field: str, found: str, allowed: str) -> Finding:
    return Finding(Severity.WARNING, field, found, allowed)
