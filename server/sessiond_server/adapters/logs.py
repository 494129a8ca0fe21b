"""Structured logs: readable on a terminal, JSON anywhere else."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, Protocol

import structlog
from typing_extensions import override

from sessiond_server.service.logger import Logger

_NO_FIELDS: Final[Mapping[str, Any]] = MappingProxyType({})
_WEIGHTS: Final = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class Lines(Protocol):
    """Where lines go, each with its end."""

    def write(self, line: str, /) -> object:
        """Take a line."""

    def isatty(self) -> bool:
        """Whether a person reads it."""


def to_logger(
    stream: Lines = sys.stderr, *, level: int = logging.INFO, fields: Mapping[str, Any] = _NO_FIELDS
) -> Logger:
    """A logger that writes to `stream`; `fields` are in each of its lines.

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
        _Output(stream),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        **fields,
    )
    return logger


def at_level(logger: Logger, level: str) -> Logger:
    """The same logger without the lines of less weight than `level`: info, warning or error."""
    weight = _WEIGHTS[level]
    return _Heavy(logger, weight) if weight > logging.INFO else logger


class _Heavy(Logger):
    """Leaves out what has less weight than something."""

    def __init__(self, logger: Logger, weight: int) -> None:
        self._logger = logger
        self._weight = weight

    @override
    def info(self, event: str, **fields: object) -> None:
        self._say(logging.INFO, self._logger.info, event, fields)

    @override
    def warning(self, event: str, **fields: object) -> None:
        self._say(logging.WARNING, self._logger.warning, event, fields)

    @override
    def error(self, event: str, **fields: object) -> None:
        self._say(logging.ERROR, self._logger.error, event, fields)

    def _say(self, weight: int, say: Callable[..., object], event: str, fields: dict[str, object]) -> None:
        if weight >= self._weight:
            say(event, **fields)


class _Output:
    """Hands on rendered lines, without a lock as structlog's own have: a line may be written within a line.

    That is so where something fails while garbage is collected, which can be at any time.
    """

    def __init__(self, stream: Lines) -> None:
        self._stream = stream

    def info(self, line: str) -> None:
        self._stream.write(f"{line}\n")

    warning = error = info
