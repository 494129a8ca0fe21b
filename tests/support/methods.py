"""The rows of the service's methods, and rows of a test's own, with the pipeline before them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessiond.v1 import session_service_pb2
from sessiond_server.domain.caller import Group
from sessiond_server.service.audit.events import AuditSink
from sessiond_server.service.audit.refused_callers import RefusedCallers
from sessiond_server.service.callers import Callers
from sessiond_server.service.rate_limits import RateLimits
from sessiond_server.transport.admission.identify import Identification
from sessiond_server.transport.admission.limits import Limits
from sessiond_server.transport.admission.metering import Metering
from sessiond_server.transport.admission.permissions import Rule
from sessiond_server.transport.admission.standstill import Standstill
from sessiond_server.transport.methods import (
    AnyMethod,
    Identity,
    SessionService,
    StreamMethod,
    UnaryMethod,
    WatcherBounds,
)
from sessiond_server.transport.pipeline import LoggedCalls, Pipeline
from tests.support.fakes import FakeClock, RecordingTelemetry, SilentLogger, SilentTelemetry, audit_trail

if TYPE_CHECKING:
    from sessiond_server.transport.engine.port import StreamHandler, UnaryHandler

_UNUSED: Any = None
ANYONE = Callers([], anonymous=frozenset(Group))


def rows(validation: Any = _UNUSED) -> dict[str, AnyMethod]:
    """The service's own rows by name; their handlers have nothing else to call."""
    identity, telemetry = Identity("configuration", "server"), SilentTelemetry()
    limits = RateLimits([], _UNUSED, clock=FakeClock(), telemetry=telemetry)
    metering = Metering(limits, session_of=lambda _: None)
    service = SessionService(
        validation, *[_UNUSED] * 2, metering=metering, identity=identity, telemetry=telemetry
    )
    return {row.name: row for row in service.methods(watchers=WatcherBounds(5000, 1000))}


def pipeline(
    callers: Callers = ANYONE,
    *,
    by_certificate: bool = False,
    limits: Limits | None = None,
    standstill: Standstill | None = None,
    telemetry: Any = None,
    logger: Any = None,
    logged_calls: LoggedCalls = LoggedCalls.ALL,
    audit: AuditSink | None = None,
) -> Pipeline:
    return Pipeline(
        Identification(callers, by_certificate=by_certificate),
        limits or Limits(),
        standstill or Standstill(clock=FakeClock(), telemetry=SilentTelemetry(), logger=SilentLogger()),
        telemetry=telemetry or RecordingTelemetry(),
        logger=logger or SilentLogger(),
        logged_calls=logged_calls,
        refused_callers=RefusedCallers(audit_trail(audit)),
    )


def unary(
    handle: Any,
    *,
    name: str = "GetSession",
    max_in_flight: int = 100,
    changes_sessions: bool = False,
    through: Pipeline | None = None,
) -> UnaryHandler:
    """`handle` as the handler of a method that anyone may read with."""
    request, rule = session_service_pb2.GetSessionRequest, Rule.of(Group.READ)
    row = UnaryMethod(
        name, request, rule, handle, max_in_flight=max_in_flight, changes_sessions=changes_sessions
    )
    return (through or pipeline()).unary(row)


def stream(
    handle: Any,
    *,
    name: str = "WatchRevocations",
    max_in_flight: int = 100,
    changes_sessions: bool = False,
    through: Pipeline | None = None,
) -> StreamHandler:
    """The same for a stream."""
    request, rule = session_service_pb2.GetSessionRequest, Rule.of(Group.READ)
    row = StreamMethod(
        name, request, rule, handle, max_in_flight=max_in_flight, changes_sessions=changes_sessions
    )
    return (through or pipeline()).stream(row)
