"""Calls under the names that gRPC's dashboards know, which are those of go-grpc-prometheus."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram

from sessiond_server.adapters.telemetry.families import Counters, Histograms
from sessiond_server.service.telemetry import CallType

_LABELS: Final = ("grpc_type", "grpc_service", "grpc_method")
_BOUNDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
# The codes that are answered with here, as Go spells them.
_GO_CODES: Final = MappingProxyType(
    {
        "OK": "OK",
        "CANCELLED": "Canceled",
        "INVALID_ARGUMENT": "InvalidArgument",
        "DEADLINE_EXCEEDED": "DeadlineExceeded",
        "NOT_FOUND": "NotFound",
        "PERMISSION_DENIED": "PermissionDenied",
        "RESOURCE_EXHAUSTED": "ResourceExhausted",
        "FAILED_PRECONDITION": "FailedPrecondition",
        "UNIMPLEMENTED": "Unimplemented",
        "INTERNAL": "Internal",
        "UNAVAILABLE": "Unavailable",
        "UNAUTHENTICATED": "Unauthenticated",
    }
)


class _Method(NamedTuple):
    """What is counted of one method."""

    started: Counter
    handled: Mapping[str, Counter]
    seconds: Histogram


class GrpcCalls:
    """The calls of the methods that were named; those of others are not counted here."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._started = Counters(registry, "grpc_server_started_total", "Calls that have begun", _LABELS)
        self._handled = Counters(
            registry,
            "grpc_server_handled_total",
            "Calls that have ended, by their status",
            (*_LABELS, "grpc_code"),
        )
        self._seconds = Histograms(
            registry,
            "grpc_server_handling_seconds",
            "How long calls took that were not refused by their headers",
            _LABELS,
            bounds=_BOUNDS,
        )
        self._methods: dict[str, _Method] = {}

    def name(self, service: str, methods: Mapping[str, CallType]) -> None:
        """Count the calls of these methods."""
        for method, kind in methods.items():
            words = (kind, service, method)
            handled = {code: self._handled[*words, go] for code, go in _GO_CODES.items()}
            self._methods[method] = _Method(self._started[words], handled, self._seconds[words])

    def began(self, method: str) -> None:
        """A call came."""
        if found := self._methods.get(method):
            found.started.inc()

    def ended(self, method: str, code: str, seconds: float | None) -> None:
        """A call has ended; without `seconds` it was refused by its headers, and begins here too."""
        if not (found := self._methods.get(method)):
            return
        found.handled[code].inc()
        if seconds is None:
            found.started.inc()
        else:
            found.seconds.observe(seconds)
