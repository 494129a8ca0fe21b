"""Tells every server, through the store, to fetch the keys of issuers anew."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AsyncExitStack
from pathlib import Path

from sessiond_server.adapters.embedded.data_directory import DataDirectoryError
from sessiond_server.adapters.embedded.store import joined_store
from sessiond_server.adapters.telemetry.prometheus import PrometheusTelemetry
from sessiond_server.app.build import build
from sessiond_server.app.check import KeySetFinding, to_finding
from sessiond_server.app.secrets import load_secrets
from sessiond_server.app.serve import StartError
from sessiond_server.app.workloads import AnyIssuer
from sessiond_server.config.problems import ConfigurationError
from sessiond_server.config.settings import EMBEDDED, Settings
from sessiond_server.domain.failures import StoreUnavailableError
from sessiond_server.domain.store_url import socket_url
from sessiond_server.service.logger import Logger


async def order_key_sets(
    settings: Settings, issuers: Collection[str], *, logger: Logger
) -> list[KeySetFinding]:
    """Have every server fetch the key sets of these issuers anew, and fetch them here too.

    What is found here is left in the store for servers that start later.

    Raises:
        StartError: the service could not start with these settings, or the store does not take the order.
    """
    async with AsyncExitStack() as stack:
        try:
            url, directory = _running_store(settings)
            app = await build(
                settings,
                load_secrets(settings, directory=directory, logger=logger),
                store_url=url,
                stack=stack,
                telemetry=PrometheusTelemetry(),
                logger=logger,
            )
            every: tuple[AnyIssuer, ...] = (*app.issuers, *app.workload_issuers)
            return [await _order(one) for one in every if one.settings.issuer in issuers]
        except (ConfigurationError, DataDirectoryError) as error:
            raise StartError(str(error)) from error


async def _order(issuer: AnyIssuer) -> KeySetFinding:
    try:
        ordered_at = await issuer.shared.order()
    except StoreUnavailableError as error:
        raise StartError(f"{issuer.settings.issuer}: not ordered, the store does not answer") from error
    issuer.key_set.distrust(ordered_at=ordered_at)
    await issuer.key_set.refresh()
    return to_finding(issuer, ordered_at=ordered_at)


def _running_store(settings: Settings) -> tuple[str, Path | None]:
    """The store's address, and the directory of an embedded one, which is run by the server that has it."""
    url = settings.store.url
    if not url.startswith(EMBEDDED):
        return url, None
    store = joined_store(Path(url.removeprefix(EMBEDDED)))
    return socket_url(store.socket_path), store.directory
