"""Events as lines of a log."""

from __future__ import annotations

from typing_extensions import override

from sessiond_server.service.audit.events import AuditEvent, AuditSink
from sessiond_server.service.logger import Logger


class LoggedEvents(AuditSink):
    """Writes each event as a line whose `event` is `audit`."""

    def __init__(self, logger: Logger) -> None:
        self._logger = logger

    @override
    def record(self, event: AuditEvent) -> None:
        self._logger.info("audit", **event.told())
