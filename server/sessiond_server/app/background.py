"""The work that runs beside the calls, until the server stops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

from sessiond_server.app.build import App
from sessiond_server.app.readiness import Readiness
from sessiond_server.app.supervision import Work
from sessiond_server.config.settings import Settings
from sessiond_server.domain.failures import StoreUnavailableError
from sessiond_server.service.logger import Logger
from sessiond_server.service.providers.revoke_queued import revoke_queued
from sessiond_server.service.revocation.follow import Revocations
from sessiond_server.service.storage.durability import Durability
from sessiond_server.service.storage.writes import StoreWrites
from sessiond_server.service.telemetry import Telemetry
from sessiond_server.transport.engine.port import Engine

STORE_RETRY_SECONDS: Final = 0.5
_READINESS_SECONDS: Final = 0.2
_STORE_CHECK_SECONDS: Final = 30.0
_STORE_PROBE_SECONDS: Final = 0.5
_REVOCATION_QUEUE_SECONDS: Final = 5.0


def work_of(
    settings: Settings,
    app: App,
    readiness: Readiness,
    engine: Engine,
    *,
    telemetry: Telemetry,
    logger: Logger,
) -> dict[str, Work]:
    """Everything that goes on for as long as the server runs, by what a log line calls it."""
    streamed = app.audit.streamed_events
    return {
        "poll revocations": partial(
            app.revocations.poll, interval_seconds=settings.revocation.poll.total_seconds()
        ),
        "write snapshots of revocations": app.snapshots.keep_up,
        "re-assert revocations": app.reassertion.keep_up,
        "confirm the primary": app.primacy.keep_confirming,
        "check the store": partial(
            _check_store,
            app.stores.durability,
            app.revocations,
            readiness,
            accepted=settings.store.accept_risks,
            logger=logger,
        ),
        "probe the store": partial(_probe_store, app.stores.writes),
        **{f"fetch keys of {one.settings.issuer}": one.refresh.run for one in app.issuers},
        **{
            f"fetch keys of workload issuer {one.settings.issuer}": one.refresh.run
            for one in app.workload_issuers
        },
        "revoke at providers": partial(
            revoke_queued,
            app.stores.queue,
            app.providers,
            interval_seconds=_REVOCATION_QUEUE_SECONDS,
            telemetry=telemetry,
            logger=logger,
        ),
        "report health": partial(_report_health, engine, readiness, logger=logger),
        "watch for standstills": app.standstill.watch,
        "tell of refused callers": app.audit.refused_callers.keep_telling,
        **({"refresh ahead at providers": app.ahead.keep_up} if app.ahead.is_wanted else {}),
        **({"stream audit events": streamed.keep_up} if streamed else {}),
    }


def unseen_failures(logger: Logger) -> Callable[[asyncio.AbstractEventLoop, dict[str, Any]], None]:
    """The event loop's handler of failures that nobody waited for: by itself it would write their texts."""

    def report(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        failure = type(context["exception"]).__name__ if "exception" in context else "none"
        logger.error("something failed that nobody waited for", failure=failure)

    return report


async def _check_store(
    durability: Durability,
    revocations: Revocations,
    readiness: Readiness,
    *,
    accepted: Sequence[str],
    logger: Logger,
) -> None:
    """Look again and again at the settings of the store: whoever can change them may do so while we run.

    A part that is away keeps nobody from being served by the others; it is looked at once it is back.
    """
    while True:
        if answering := revocations.answering_partitions:
            with suppress(StoreUnavailableError):
                faults = await durability.faults(accepted=accepted, partitions=answering)
                if faults and faults != readiness.store_faults:
                    logger.error("the store could lose what was acknowledged", reasons=faults)
                readiness.store_faults = faults
                remarks = await durability.remarks(answering)
                if remarks and remarks != readiness.store_remarks:
                    logger.warning("the store's settings could be better", remarks=remarks)
                readiness.store_remarks = remarks
        await _time_to_look_again(revocations, answering, is_soon=readiness.store_faults is None)


async def _time_to_look_again(revocations: Revocations, looked_at: frozenset[int], *, is_soon: bool) -> None:
    """Return after a while, or where there is more to look at."""
    pauses = 1 if is_soon else round(_STORE_CHECK_SECONDS / STORE_RETRY_SECONDS)
    for _ in range(pauses):
        await asyncio.sleep(STORE_RETRY_SECONDS)
        if not looked_at >= revocations.answering_partitions:
            return


async def _probe_store(writes: StoreWrites) -> None:
    """Write a trifle all the time: validation alone would never notice that the store takes nothing."""
    while True:
        with suppress(StoreUnavailableError):
            await writes.probe()
        await asyncio.sleep(_STORE_PROBE_SECONDS)


async def _report_health(engine: Engine, readiness: Readiness, *, logger: Logger) -> None:
    """Tell those who watch the health service whenever readiness changes; who asks is told at once."""
    told = None
    while True:
        reasons = readiness.not_ready_reasons()
        if reasons != told:
            told = reasons
            engine.tell_health()
            logger.info("not serving" if reasons else "serving", reasons=reasons)
        await asyncio.sleep(_READINESS_SECONDS)
