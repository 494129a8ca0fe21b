"""Structured logs on standard error: readable on a terminal, JSON anywhere else."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

import structlog

from sessiond_server.service.logger import Logger


def to_logger(stream: TextIO = sys.stderr, *, level: int = logging.INFO) -> Logger:
    """A logger that writes to `stream`.

    Local variables of tracebacks are never shown, for they may hold tokens.
    """
    plain = structlog.dev.plain_traceback
    render: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=plain)]
        if stream.isatty()
        else [
            structlog.processors.ExceptionRenderer(
                structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
            ),
            structlog.processors.JSONRenderer(),
        ]
    )
    logger: Logger = structlog.wrap_logger(
        structlog.PrintLogger(stream),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
    return logger
