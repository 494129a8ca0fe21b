"""Runs what commands do, on the event loop of our choice."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, NoReturn, TypeVar

import uvloop

from sessiond_server.adapters.logs import to_logger
from sessiond_server.app.serve import StartError
from sessiond_server.cli.refusals import USAGE_STATUS, as_refusal, refuse
from sessiond_server.cli.written_log import written_log
from sessiond_server.service.logger import Logger

T = TypeVar("T")


def run_server(serve: Callable[..., Coroutine[Any, Any, Logger]], **fields: Any) -> NoReturn:
    """Serve, and end with a status in bounded time even if nobody reads what is written.

    `fields` are in each line of the log.
    """
    with written_log(**fields) as log:
        try:
            logger = uvloop.run(serve(logger=log.logger, lines_dropped=lambda: log.writer.dropped))
        except StartError as error:
            log.writer.write(as_refusal(str(error)))
            sys.exit(USAGE_STATUS)
        log.end(partial(logger.info, "stopped"))
    sys.exit(0)


def run_once(find: Callable[..., Coroutine[Any, Any, T]]) -> T:
    """What is found; nothing is logged, and what keeps it from starting ends the command."""
    try:
        return uvloop.run(find(logger=to_logger(level=logging.CRITICAL)))
    except StartError as error:
        refuse(str(error))
