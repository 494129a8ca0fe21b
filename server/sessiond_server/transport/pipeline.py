"""What every call goes through: observe, guard, identify, permit, admit, parse, permit, meter, handle.

A caller is permitted twice: to call the method in some form, and then to make this very request. The handler
of a method sees a message that was parsed, from a caller that may send it; no handler can forget to ask.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from enum import StrEnum
from functools import partial
from typing import Any, Final, Self

from sessiond_server.domain.failures import (
    CallerUnknownError,
    Failure,
    OverloadedError,
    ShuttingDownError,
    TimeOverError,
)
from sessiond_server.service.audit.refused_callers import RefusedCallers
from sessiond_server.service.callers import Credentials
from sessiond_server.service.logger import Logger
from sessiond_server.service.telemetry import Telemetry
from sessiond_server.transport.admission.identify import Identification
from sessiond_server.transport.admission.limits import Cap, Limits
from sessiond_server.transport.admission.permissions import Rule
from sessiond_server.transport.admission.standstill import Standstill
from sessiond_server.transport.codec import wire
from sessiond_server.transport.codec.fields import named
from sessiond_server.transport.engine.port import (
    INTERNAL,
    Call,
    Endpoints,
    Response,
    Status,
    StatusCode,
    StreamHandler,
    UnaryHandler,
)
from sessiond_server.transport.failures import to_status
from sessiond_server.transport.measured import foresee_calls
from sessiond_server.transport.methods import SERVICE, AnyMethod, StreamMethod, UnaryMethod

# A change takes longer than this on any way: whoever has no more time does not learn of it.
_LEAST_SECONDS: Final = 0.01
# The reasons that are about who calls, and how often.
_REFUSED_CALLERS: Final = frozenset({"CALLER_UNKNOWN", "CALLER_NOT_PERMITTED", "RATE_LIMITED"})


class LoggedCalls(StrEnum):
    """Which calls have a line in the log; all of them are counted."""

    ALL = "all"
    # Those that do not end with OK: a rejected token is an answer, and no refusal.
    REFUSED = "refused"
    NONE = "none"


class Pipeline:
    """Makes the endpoints of an engine from the rows of methods."""

    def __init__(
        self,
        identification: Identification,
        limits: Limits,
        standstill: Standstill,
        *,
        telemetry: Telemetry,
        logger: Logger,
        logged_calls: LoggedCalls,
        refused_callers: RefusedCallers,
    ) -> None:
        self._identification = identification
        self._limits = limits
        self._standstill = standstill
        self._telemetry = telemetry
        self._logger = logger
        self._logged_calls = logged_calls
        self._refused_callers = refused_callers
        self._rules: Mapping[str, Rule] = {}

    def endpoints(self, methods: Iterable[AnyMethod]) -> Endpoints:
        """Every method, with the pipeline before it."""
        rows = list(methods)
        self._rules = {row.name: row.rule for row in rows}
        foresee_calls(self._telemetry, rows, self._identification.everybody)
        return Endpoints(
            service=SERVICE,
            unary={row.name: self.unary(row) for row in rows if isinstance(row, UnaryMethod)},
            streams={row.name: self.stream(row) for row in rows if isinstance(row, StreamMethod)},
            refuse=self.refuse,
            shed=self.shed,
        )

    def unary(self, method: UnaryMethod[Any]) -> UnaryHandler:
        """The handler of raw bytes of a method that answers once."""
        end = partial(self._end, count_outcome=method.count_outcome)
        cap = self._cap(method)

        async def serve(raw: bytes, call: Call) -> Response:
            self._telemetry.call_began(call.method)
            with _Observed(call, end) as observed:
                response: Response
                try:
                    request = self._admit(method, cap, raw, call)
                    if method.meter:
                        await method.meter(request, call)
                    response = await method.handle(request, call)
                except Failure as failure:
                    response = to_status(named(failure, call.input_names))
                except Exception as error:  # noqa: BLE001 - the guard: whatever it is, its text stays here
                    response = self._unforeseen(call, error)
                observed.response = response
                return response

        return serve

    def stream(self, method: StreamMethod[Any]) -> StreamHandler:
        """The same for a method that answers with a stream: the status, if any, is its last item."""
        end = partial(self._end, count_outcome=method.count_outcome)
        cap = self._cap(method)

        async def serve(raw: bytes, call: Call) -> AsyncGenerator[Response, None]:
            self._telemetry.call_began(call.method)
            with _Observed(call, end) as observed:
                async with aclosing(self._guarded(method, cap, raw, call)) as responses:
                    try:
                        async for response in responses:
                            if isinstance(response, Status):
                                observed.response = response
                            yield response
                    except Failure as failure:
                        # The engine throws it in, where what was sent is not taken.
                        observed.response = to_status(failure)
                        yield observed.response
                observed.response = observed.response or b""

        return serve

    async def _guarded(
        self, method: StreamMethod[Any], cap: Cap, raw: bytes, call: Call
    ) -> AsyncGenerator[Response, None]:
        try:
            async with aclosing(method.handle(self._admit(method, cap, raw, call), call)) as messages:
                async for message in messages:
                    yield message
        except Failure as failure:
            yield to_status(named(failure, call.input_names))
        except Exception as error:  # noqa: BLE001 - the guard: whatever it is, its text stays here
            yield self._unforeseen(call, error)

    def refuse(self, method: str, credentials: Credentials) -> Status | Awaitable[Status | None] | None:
        """The status for a call that its headers show to be refused; None for any other.

        Its caller cannot be known, or may not make such a call in any form, or it comes too late. It ends
        before its message is read. Where it takes a while to know the caller, the answer is to be waited for.
        """
        call = Call(method, credentials)
        try:
            coming = self._identification.identify_early(call)
            if coming is not None:
                return self._refuse_late(call, coming)
            self._require_welcome(call)
        except Exception as error:  # noqa: BLE001 - the guard of what comes before the guard
            return self._refused(call, error)
        return None

    async def _refuse_late(self, call: Call, coming: Awaitable[None]) -> Status | None:
        try:
            await coming
            self._require_welcome(call)
        except Exception as error:  # noqa: BLE001 - the same guard
            return self._refused(call, error)
        return None

    def _require_welcome(self, call: Call) -> None:
        if call.identified and call.method in self._rules:
            self._rules[call.method].require_some(call.identified)
        if not self._limits.is_open:
            self._limits.turn_away()
            raise ShuttingDownError

    def _refused(self, call: Call, error: Exception) -> Status:
        if isinstance(error, CallerUnknownError) and error.why:
            call.log_fields["why"] = error.why
        status = to_status(error) if isinstance(error, Failure) else self._unforeseen(call, error)
        self._end(call, status, seconds=None)
        return status

    def shed(self, method: str) -> Status:
        """The status for a call that is one too many."""
        status = to_status(OverloadedError())
        self._end(Call(method), status, seconds=None)
        return status

    def _cap(self, method: AnyMethod) -> Cap:
        cap = Cap(
            self._limits,
            max_in_flight=method.max_in_flight,
            max_of_a_caller=method.max_of_a_caller,
            one_too_many=method.one_too_many,
        )
        self._telemetry.gauge(
            "calls_in_flight", "Calls that are being answered", lambda: cap.in_flight, method=method.name
        )
        return cap

    def _admit(self, method: AnyMethod, cap: Cap, raw: bytes, call: Call) -> Any:
        self._identification.identify(call)
        # Whoever may not make this call in any form takes no place, and learns nothing of what is wrong with
        # it.
        method.rule.require_some(call.caller)
        if method.changes_sessions:
            self._standstill.require_none()
            _require_time(call)
        cap.admit(raw, call)
        request = wire.parse(method.request, raw)
        method.rule.require(call.caller, request)
        return request

    def _end(
        self,
        call: Call,
        response: Response | None,
        *,
        seconds: float | None,
        count_outcome: Callable[[str], None] | None = None,
    ) -> None:
        """Count and log a call that has ended; without a response its caller has left."""
        code, reason = _told(response)
        caller = call.caller.name
        self._telemetry.call_ended(call.method, code.name, caller, seconds)
        if reason in _REFUSED_CALLERS:
            self._refused_callers.note(caller, call.method, reason)
        if self._logs(code):
            fields: dict[str, Any] = {"ms": round(seconds * 1000, 2)} if seconds is not None else {}
            if reason:
                fields["reason"] = reason
            if call.outcome:
                fields["outcome"] = call.outcome
            self._logger.info(
                "call", method=call.method, code=code.name, caller=caller, **fields, **call.log_fields
            )
        if count_outcome:
            count_outcome(call.outcome or reason or code.name)

    def _logs(self, code: StatusCode) -> bool:
        if self._logged_calls is LoggedCalls.REFUSED:
            return code is not StatusCode.OK
        return self._logged_calls is LoggedCalls.ALL

    def _unforeseen(self, call: Call, error: Exception) -> Status:
        """Log where it happened, and neither its text nor a local variable.

        Both may hold what the request held.

        grpcio by itself would send the text of an exception, token included, to the caller.
        """
        frames = []
        traceback = error.__traceback__
        while traceback:
            frames.append(f"{traceback.tb_frame.f_code.co_qualname}:{traceback.tb_lineno}")
            traceback = traceback.tb_next
        self._logger.error(
            "a call failed for an unforeseen reason",
            method=call.method,
            failure=type(error).__name__,
            frames=frames,
        )
        return INTERNAL


class _Observed:
    """One call, which ends by `end` with its response; without one, the caller has left."""

    __slots__ = ("_call", "_end", "_started", "response")

    def __init__(self, call: Call, end: Callable[..., None]) -> None:
        self._call = call
        self._end = end
        self._started = time.perf_counter()
        self.response: Response | None = None

    def __enter__(self) -> Self:
        """Begin; the time runs since it was made."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it, however it went."""
        self._end(self._call, self.response, seconds=time.perf_counter() - self._started)


def _require_time(call: Call) -> None:
    """Raise `TimeOverError` where the caller will have left before anything can be changed for it."""
    remaining = call.time_remaining()
    if remaining is not None and remaining < _LEAST_SECONDS:
        raise TimeOverError


def _told(response: Response | None) -> tuple[StatusCode, str | None]:
    """The code and the reason that the caller was told."""
    if response is None:
        return StatusCode.CANCELLED, None
    return (response.code, response.reason) if isinstance(response, Status) else (StatusCode.OK, None)
