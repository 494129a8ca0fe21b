"""Where audit events go, and what a server tells of itself when it begins and ends."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Final

from sessiond_server.adapters.audit_file import AuditFileError, audit_file
from sessiond_server.adapters.store.open import Stores
from sessiond_server.app.key_ids import key_ids
from sessiond_server.app.secrets import Secrets
from sessiond_server.app.workloads import AnyIssuer
from sessiond_server.config.fingerprint import fingerprint
from sessiond_server.config.problems import ConfigurationError, Problem
from sessiond_server.config.settings import AuditSettings, Settings
from sessiond_server.domain.refresh_token import Pepper
from sessiond_server.service.audit.events import AuditSink
from sessiond_server.service.audit.logged_events import LoggedEvents
from sessiond_server.service.audit.refused_callers import RefusedCallers
from sessiond_server.service.audit.streamed_events import StreamedEvents
from sessiond_server.service.audit.trail import AuditTrail
from sessiond_server.service.clock import Clock
from sessiond_server.service.logger import Logger
from sessiond_server.service.telemetry import Telemetry
from sessiond_server.service.tracing import Tracer

_DROPPED: Final = (
    "audit_events_dropped_total",
    "Audit events that could not be kept, by where they were to go",
)


@dataclass(frozen=True, slots=True)
class Audit:
    """What tells of things, and what has to be kept going for that."""

    trail: AuditTrail
    refused_callers: RefusedCallers
    streamed_events: StreamedEvents | None

    def follow(self, issuers: Iterable[AnyIssuer]) -> None:
        """Tell of the keys of these issuers from now on."""
        for one in issuers:
            one.key_set.when_changed(partial(self.trail.key_set_changed, one.settings.issuer))


def open_audit(
    settings: AuditSettings,
    stores: Stores,
    sinks: Sequence[AuditSink],
    *,
    pepper: Pepper,
    clock: Clock,
    logger: Logger,
    tracer: Tracer | None = None,
) -> Audit:
    """Events go to `sinks`, and to a stream of the store where the settings name one."""
    streamed = None
    if settings.stream is not None:
        stream = stores.audit_stream(settings.stream, max_entries=settings.stream_entries)
        streamed = StreamedEvents(stream, clock=clock, logger=logger)
    every_sink = (*sinks, streamed) if streamed else sinks
    trail = AuditTrail(
        every_sink, pepper=pepper, randomness=os.urandom, trace_ids=tracer.ids if tracer else None
    )
    return Audit(trail, RefusedCallers(trail), streamed)


def open_sink(
    settings: AuditSettings,
    stack: AsyncExitStack,
    *,
    whole_log: Logger,
    telemetry: Telemetry,
    logger: Logger,
) -> AuditSink:
    """The file of the settings, or the log, of whose lines none are left out here.

    Raises:
        ConfigurationError: the file cannot be used.
    """
    if settings.file is None:
        return LoggedEvents(whole_log)
    try:
        opened = stack.enter_context(audit_file(settings.file, logger=logger))
    except AuditFileError as error:
        raise ConfigurationError(
            [Problem("audit.file", str(error), "a file that sessiond can append to, and others cannot")]
        ) from error
    telemetry.counter(*_DROPPED, lambda: opened.writer.dropped, to="file")
    return LoggedEvents(opened.logger)


def begin(
    audit: Audit, settings: Settings, secrets: Secrets, stack: AsyncExitStack, *, telemetry: Telemetry
) -> None:
    """Tell what was loaded; what waits to be told is told when `stack` closes."""
    streamed = audit.streamed_events
    if streamed:
        telemetry.counter(*_DROPPED, lambda: streamed.dropped, to="stream")
        stack.push_async_callback(streamed.drain)
    stack.callback(audit.refused_callers.tell_left_out)
    audit.trail.settings_loaded(fingerprint(settings), key_ids(secrets))
