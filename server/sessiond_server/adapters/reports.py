"""What libraries and the interpreter report by themselves: lines of our logger, without their texts.

A text or a traceback may quote what was being worked on, a token included.
"""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from pathlib import Path
from types import TracebackType
from typing import Any

from typing_extensions import override

from sessiond_server.service.logger import Logger


def report_to(logger: Logger) -> None:
    """Send all such reports to `logger`, for the rest of this process."""

    def report_warning(*said: Any, **_named: Any) -> None:
        _, category, name, line, *_ = said
        logger.warning("something is warned of", kind=category.__name__, place=f"{Path(name).stem}:{line}")

    def report_failure(event: str, kind: type[BaseException] | None, trace: TracebackType | None) -> None:
        logger.error(event, failure=kind.__name__ if kind else "none", place=place_of(trace))

    logging.basicConfig(handlers=[_Lines(logger)], level=logging.WARNING, force=True)
    warnings.showwarning = report_warning
    sys.excepthook = lambda kind, _, trace: report_failure("the process failed", kind, trace)
    threading.excepthook = lambda failed: report_failure(
        "a thread failed", failed.exc_type, failed.exc_traceback
    )
    sys.unraisablehook = lambda failed: report_failure(
        "something failed where nobody could be told", failed.exc_type, failed.exc_traceback
    )


def place_of(trace: TracebackType | None) -> str:
    """Where something was raised: its file's name and the line."""
    if trace is None:
        return "unknown"
    while trace.tb_next:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).stem}:{trace.tb_lineno}"


class _Lines(logging.Handler):
    """Of a record only its level, its logger's name, and where it was made."""

    def __init__(self, logger: Logger) -> None:
        super().__init__()
        self._logger = logger

    @override
    def emit(self, record: logging.LogRecord) -> None:
        say = self._logger.error if record.levelno >= logging.ERROR else self._logger.warning
        say("a library reports something", library=record.name, place=f"{record.module}:{record.lineno}")
