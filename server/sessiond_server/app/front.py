"""What a server shows beside its calls, and where: over HTTP, or to the parent that does so for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Protocol

from typing_extensions import override

from sessiond_server.adapters.telemetry.prometheus import PrometheusTelemetry
from sessiond_server.app.issuers import ConfiguredLocalIssuer
from sessiond_server.config.settings import Settings
from sessiond_server.domain.address import Address
from sessiond_server.service.logger import Logger
from sessiond_server.service.telemetry import Expose
from sessiond_server.transport.http.documents import KEY_SET_PATH, LocalDocuments
from sessiond_server.transport.http.server import HttpServer


@dataclass(frozen=True, slots=True)
class Shown:
    """What a server shows of itself: its local issuer's keys, how ready it is, and what it has counted."""

    local_issuer: ConfiguredLocalIssuer | None
    not_ready_reasons: Callable[[], Sequence[str]]
    remarks: Callable[[], Sequence[str]]
    expose: Expose
    telemetry: PrometheusTelemetry


class Front(Protocol):
    """Where a server shows itself.

    `shares_port` says that other processes of ours take calls at the same port: one takes none before it is
    ready, for those others take them meanwhile.
    """

    shares_port: bool

    async def open(self, shown: Shown, stack: AsyncExitStack) -> None:
        """Show it until `stack` closes. Raises `AddressError`."""

    def listening(self, grpc: Address, **fields: object) -> None:
        """Calls are taken at `grpc` from now on."""


class HttpFront(Front):
    """The HTTP port of the settings."""

    shares_port = False

    def __init__(self, settings: Settings, *, logger: Logger) -> None:
        self._address = settings.server.http
        self._logger = logger

    @override
    async def open(self, shown: Shown, stack: AsyncExitStack) -> None:
        local = shown.local_issuer
        http = HttpServer(
            self._address,
            local=_documents(local) if local else None,
            not_ready_reasons=shown.not_ready_reasons,
            remarks=shown.remarks,
            expose=shown.expose,
            telemetry=shown.telemetry,
            logger=self._logger,
        )
        self._address = await http.start()
        stack.push_async_callback(http.stop)

    @override
    def listening(self, grpc: Address, **fields: object) -> None:
        self._logger.info("listening", grpc=str(grpc), http=str(self._address), **fields)


def _documents(local: ConfiguredLocalIssuer) -> LocalDocuments:
    minter = local.minter
    return LocalDocuments(local.policy.issuer, _key_set_url(local), minter.algorithms, minter.jwks)


def _key_set_url(local: ConfiguredLocalIssuer) -> str | None:
    """Where others find the local issuer's keys.

    By default that is below the issuer's name, where that is an address that others can reach.
    """
    issuer = local.settings.issuer
    below = f"{issuer.rstrip('/')}{KEY_SET_PATH}" if issuer.startswith("https://") else None
    return local.settings.jwks_url or below
