"""Stand-ins for clock, logger, telemetry and the view of revocations; others stand beside what needs them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from inspect import signature
from typing import Any, Final

from sessiond_server.domain.refresh_token import Pepper
from sessiond_server.service.audit.events import AuditEvent, AuditSink
from sessiond_server.service.audit.origin import Origin
from sessiond_server.service.audit.trail import AuditTrail
from sessiond_server.service.clock import Clock
from sessiond_server.service.logger import Logger
from sessiond_server.service.telemetry import Telemetry

_EVENTS: Final = {
    name: signature(method) for name, method in vars(Telemetry).items() if not name.startswith("_")
}


class RecordingAudit(AuditSink):
    """Keeps every event, as it would be told."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def record(self, event: AuditEvent) -> None:
        self.events.append(event.told())

    def of(self, action: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["action"] == action]


def audit_trail(sink: AuditSink | None = None) -> AuditTrail:
    """A trail that leads to `sink`, or nowhere."""
    return AuditTrail([sink] if sink else [], pepper=Pepper(bytes(32)), randomness=os.urandom)


ORIGIN: Final = Origin("web", "RefreshSession", "req-1", "192.0.2.1")


class SilentLogger(Logger):
    """Says nothing to anybody, as the port's own methods do."""


class RecordingLogger(Logger):
    """Keeps what is said, by level."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, Any]]] = []

    def info(self, event: str, **fields: Any) -> None:
        self.lines.append(("info", event, fields))

    def warning(self, event: str, **fields: Any) -> None:
        self.lines.append(("warning", event, fields))

    def error(self, event: str, **fields: Any) -> None:
        self.lines.append(("error", event, fields))

    @property
    def levels(self) -> list[str]:
        return [level for level, _, _ in self.lines]

    def said(self, event: str) -> list[dict[str, Any]]:
        return [fields for _, said, fields in self.lines if said == event]


@dataclass
class FakeClock(Clock):
    """Stands still until a test moves it; `set_ahead` is by how much people's time was set ahead."""

    at: float = 1_800_000_000.0
    set_ahead: float = 0.0

    def now(self) -> float:
        return self.at + self.set_ahead

    def steady(self) -> float:
        return self.at


class SilentTelemetry(Telemetry):
    """Counts nothing, as the port's own methods do."""


@dataclass
class RecordingTelemetry:
    """Keeps every event of the port by its name, with what it says; it has no other events.

    It does not name the port as its base, because it would inherit methods that keep nothing.
    """

    events: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name not in _EVENTS:
            raise AttributeError(f"the port has no event {name!r}", name=name, obj=self)

        def keep(*said: Any, **named: Any) -> None:
            _EVENTS[name].bind(self, *said, **named)
            self.events.append((name, said))

        return keep

    def of(self, name: str) -> list[tuple[Any, ...]]:
        assert name in _EVENTS, f"the port has no event {name!r}"
        return [said for event, said in self.events if event == name]


@dataclass(frozen=True)
class FakeRevocations:
    """A view of revocations that is always fresh, and gives one answer about every token."""

    is_revoked: bool = False
    max_staleness_seconds: float = 1.0
    age_seconds: float = 0.0
    revision: str = ""

    def revokes(self, _: object, *, however_old: bool = False) -> bool:  # noqa: ARG002 - it is always fresh
        return self.is_revoked

    def partition_of(self, _: object) -> int:
        return 0

    def age_of(self, _: int) -> float:
        return self.age_seconds
