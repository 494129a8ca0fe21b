"""What works of a configuration: the store, every provider's keys, and our credentials there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

from sessiond_server.adapters.embedded.data_directory import DataDirectoryError, DirectoryHeldError
from sessiond_server.adapters.embedded.store import joined_store
from sessiond_server.adapters.system_clock import SystemClock
from sessiond_server.adapters.telemetry.prometheus import PrometheusTelemetry
from sessiond_server.app.build import App, build
from sessiond_server.app.check_issuers import check_issuer, check_workload_issuer
from sessiond_server.app.check_settings import (
    FileRemarks,
    accepted_risks,
    check_callers,
    check_certificate,
    check_ports,
)
from sessiond_server.app.check_store import check_store
from sessiond_server.app.client_credentials import ClientSecrets
from sessiond_server.app.findings import Finding, Severity
from sessiond_server.app.issuers import AnyIssuerSettings, open_providers
from sessiond_server.app.secrets import load_secrets
from sessiond_server.app.serve import StartError, open_store
from sessiond_server.app.workloads import AnyIssuer, open_workload_issuers
from sessiond_server.config.problems import ConfigurationError
from sessiond_server.config.settings import EMBEDDED, Settings
from sessiond_server.domain.failures import KeysUnavailableError
from sessiond_server.domain.store_url import socket_url
from sessiond_server.service.logger import Logger
from sessiond_server.service.storage.key_sets import NotShared
from sessiond_server.service.telemetry import Telemetry

# No issuer has a key of this name, so that asking for it fetches the set.
_NO_KEY: Final = "-"
# No part is looked at for longer; all of them are looked at at the same time.
_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class KeySetFinding:
    """What an issuer publishes: the algorithm of each usable key by its id.

    `ordered_at` is when every server was told to fetch this, by the store's clock; None where none was.
    """

    issuer: str
    outcome: str
    keys: Mapping[str, str]
    age_seconds: float
    refresh_seconds: float
    ordered_at: float | None = None


async def check_all(settings: Settings, *, logger: Logger) -> list[Finding]:
    """Look at everything that a server with these settings will need, as it would, in bounded time.

    Nothing is written but the files of an embedded store, in a new store the number of its partitions, and a
    trifle that is kept for a minute. The embedded store of a server that runs is looked at beside it.

    Raises:
        StartError: the embedded store cannot be opened.
    """
    seen = f"issuers: {len(settings.issuers)}, callers: {len(settings.callers)}"
    findings = [
        Finding(Severity.OK, "configuration", seen),
        *accepted_risks(settings),
        *check_callers(settings),
        *await check_ports(settings, logger=logger),
    ]
    async with AsyncExitStack() as stack:
        telemetry, remarks = PrometheusTelemetry(), FileRemarks()
        try:
            url, directory = await open_running_store(settings, stack, telemetry=telemetry, logger=logger)
            secrets = load_secrets(settings, directory=directory, logger=remarks)
            app = await build(
                settings, secrets, store_url=url, stack=stack, telemetry=telemetry, logger=logger
            )
        except ConfigurationError as error:
            return [*findings, *map(Finding.of, error.problems)]
        except DataDirectoryError as error:
            raise StartError(str(error)) from error
        parts = await asyncio.gather(
            _within("store.url", check_store(app, settings, secrets)),
            *(_within("issuers", check_issuer(one, settings, logger=logger)) for one in app.issuers),
            *(
                _within("workload_issuers", check_workload_issuer(one, settings, logger=logger))
                for one in app.workload_issuers
            ),
        )
        found = chain.from_iterable(parts)
        return [*findings, *remarks.findings, *_signing_keys(app), *check_certificate(secrets), *found]


async def _within(field: str, looking: Awaitable[list[Finding]]) -> list[Finding]:
    try:
        return await asyncio.wait_for(looking, _SECONDS)
    except TimeoutError:
        return [Finding(Severity.ERROR, field, f"no answer within {_SECONDS:g} s", "an answer")]


def _signing_keys(app: App) -> list[Finding]:
    local = app.local_issuer
    if local is None:
        return []
    algorithms = ", ".join(sorted(local.minter.algorithms))
    return [Finding(Severity.OK, "issuers", f"{local.policy.issuer}: signs itself, with {algorithms}")]


async def open_running_store(
    settings: Settings, stack: AsyncExitStack, *, telemetry: Telemetry, logger: Logger
) -> tuple[str, Path | None]:
    """The store's address, and the directory of an embedded one: started here, or a running server's."""
    try:
        return await open_store(settings, stack, telemetry=telemetry, logger=logger)
    except DirectoryHeldError:
        store = joined_store(Path(settings.store.url.removeprefix(EMBEDDED)))
        return socket_url(store.socket_path), store.directory


async def fetch_key_sets(settings: Settings, *, logger: Logger) -> list[KeySetFinding]:
    """Fetch the key sets of all providers and workload issuers, now and in this process."""
    async with AsyncExitStack() as stack:
        telemetry = PrometheusTelemetry()
        issuers = await open_providers(
            settings,
            secrets=ClientSecrets(),
            share=_shared_with_nobody,
            stack=stack,
            clock=SystemClock(),
            telemetry=telemetry,
            logger=logger,
        )
        of_workloads = await open_workload_issuers(
            settings,
            share=_shared_with_nobody,
            stack=stack,
            clock=SystemClock(),
            telemetry=telemetry,
            logger=logger,
        )
        every: tuple[AnyIssuer, ...] = (*issuers, *of_workloads)
        return [await _key_set(one) for one in every]


def _shared_with_nobody(_: AnyIssuerSettings) -> NotShared:
    """The key sets are not shared here: what is shown is what the issuer says now."""
    return NotShared()


async def _key_set(issuer: AnyIssuer) -> KeySetFinding:
    with suppress(KeysUnavailableError):
        await issuer.key_set.seek(_NO_KEY)
    return to_finding(issuer)


def to_finding(issuer: AnyIssuer, *, ordered_at: float | None = None) -> KeySetFinding:
    """What has been fetched of an issuer."""
    keys = issuer.key_set
    return KeySetFinding(
        issuer.settings.issuer,
        keys.last_outcome,
        keys.algorithms_by_key,
        round(keys.age_seconds, 1),
        issuer.refresh.refresh_seconds,
        ordered_at,
    )
