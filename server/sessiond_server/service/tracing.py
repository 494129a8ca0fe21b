"""The port of traces: which call did what, and how long that took, whoever collects it."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol, TypeAlias

from typing_extensions import override

from sessiond_server.domain.address import Address
from sessiond_server.service.logger import Logger

Headers: TypeAlias = Iterable[tuple[str, str | bytes]]


class TraceIds(NamedTuple):
    """What a call is known by where traces are kept, as W3C Trace Context writes it."""

    trace_id: str
    span_id: str


class CallTrace(Protocol):
    """The trace of one call, which has begun."""

    def came_from(self, address: str) -> None:
        """Say which address the call's connection is from."""

    def end(self, code: str) -> None:
        """The call has ended, with the status code of this name."""


class RequestTrace(Protocol):
    """The trace of one request to an issuer."""

    def answered(self, status: int) -> None:
        """It was answered in full, with this status of HTTP."""

    def failed(self, why: str) -> None:
        """It was not: `why` is one of few words."""


class Tracer(Protocol):
    """Follows each call into what is done for it: in its task, and in the tasks that are begun there.

    What is done for no call, such as polling, is not followed. Nothing that is told here comes from a token,
    or names a subject or a session. No method raises or waits.
    """

    def begin_call(self, method: str, *, headers: Headers, at: Address) -> CallTrace:
        """A call of this method, `package.Service/Method`, has come to the server that listens `at`.

        It goes on with the trace that its headers name.
        """

    def script(self, name: str) -> AbstractContextManager[None]:
        """The store runs a script for as long as the context is open."""

    def request(self, method: str, url: str, *, issuer: str) -> AbstractContextManager[RequestTrace]:
        """An issuer is asked something over HTTP for as long as the context is open."""

    def judged(self, verdict: str, issuer: str | None) -> None:
        """The call that goes on here was about a token, which got this verdict.

        `issuer` is that of an accepted one: what others say of themselves is not to be believed.
        """

    def ids(self) -> TraceIds | None:
        """What the call that goes on here is known by; None where there is none."""


class TracedLogger(Logger):
    """Says with each line which call it is about, where it is written while there is one."""

    def __init__(self, logger: Logger, tracer: Tracer) -> None:
        self._logger = logger
        self._tracer = tracer

    @override
    def info(self, event: str, **fields: object) -> None:
        self._logger.info(event, **fields, **self._ids())

    @override
    def warning(self, event: str, **fields: object) -> None:
        self._logger.warning(event, **fields, **self._ids())

    @override
    def error(self, event: str, **fields: object) -> None:
        self._logger.error(event, **fields, **self._ids())

    def _ids(self) -> dict[str, str]:
        ids = self._tracer.ids()
        return ids._asdict() if ids else {}
