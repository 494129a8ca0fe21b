"""Revokes at providers the refresh tokens of sessions that have ended (RFC 7009)."""

from __future__ import annotations

import asyncio

from sessiond_server.domain.failures import StoreUnavailableError
from sessiond_server.service.logger import Logger
from sessiond_server.service.providers.logins import Providers
from sessiond_server.service.storage.queue import ProviderRevocations
from sessiond_server.service.telemetry import Telemetry


async def revoke_queued(
    queue: ProviderRevocations,
    providers: Providers,
    *,
    interval_seconds: float,
    telemetry: Telemetry,
    logger: Logger,
) -> None:
    """Work the queue off, again and again, until cancelled.

    A token that a provider does not take now is tried again for a day.
    """
    pending = 0
    telemetry.gauge(
        "provider_revocations_pending",
        "Refresh tokens that wait to be revoked at their providers; every server shows those of the store",
        lambda: pending,
    )
    while True:
        try:
            while await _revoke_next(queue, providers):
                pass
            pending = await queue.count()
        except StoreUnavailableError:
            logger.warning("refresh tokens that are to be revoked at their providers cannot be read")
        await asyncio.sleep(interval_seconds)


async def _revoke_next(queue: ProviderRevocations, providers: Providers) -> bool:
    """Revoke the token that has waited longest; whether to go on at once."""
    queued = await queue.take()
    if queued is None:
        return False
    endpoint = providers.endpoint_of(queued.issuer, queued.client_id)
    if endpoint is None or await endpoint.revoke(queued.refresh_token):
        await queue.settle(queued)
        return True
    await queue.put_back(queued)
    return False
