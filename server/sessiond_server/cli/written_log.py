"""The log of a server: on standard error, and nothing else is written there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from sessiond_server.adapters.log_writer import LogWriter
from sessiond_server.adapters.logs import to_logger
from sessiond_server.adapters.reports import place_of, report_to
from sessiond_server.service.logger import Logger

# It is written to by its number: `sys.stderr` is None where it was closed when we were started.
_STANDARD_ERROR: Final = 2
_LAST_LINES_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class WrittenLog:
    """A logger, and what writes its lines."""

    logger: Logger
    writer: LogWriter

    def end(self, say_last: Callable[[], object]) -> None:
        """Let everything be written, then what `say_last` says, and nothing after that."""
        self.writer.flush(within_seconds=_LAST_LINES_SECONDS)
        self.writer.close(within_seconds=_LAST_LINES_SECONDS, say_last=say_last)


@contextmanager
def written_log(**fields: Any) -> Iterator[WrittenLog]:
    """A log whose lines are written while the context is open, and the last of them for a second more.

    `fields` are in each line.

    An exception that nobody foresaw is told by its kind and place, and ends the process with status 1.
    """
    writer = LogWriter(_STANDARD_ERROR)
    logger = to_logger(writer, fields=fields)
    report_to(logger)
    writer.start(report=lambda count: logger.warning("log lines were dropped", count=count))
    try:
        yield WrittenLog(logger, writer)
    except Exception as error:  # noqa: BLE001 - Python would write its text
        logger.error("the server failed", failure=type(error).__name__, place=place_of(error.__traceback__))
        sys.exit(1)
    finally:
        writer.close(within_seconds=_LAST_LINES_SECONDS)
