"""What is told of sessions and callers: fixed fields, no token, and no more than somebody can read."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from sessiond_server.domain.failures import StoreUnavailableError
from sessiond_server.domain.refresh_token import Pepper
from sessiond_server.domain.session import Cause, IssuerLifetimes, Login, Whose
from sessiond_server.service.audit.counted_events import CountedEvents
from sessiond_server.service.audit.events import (
    ACTIONS,
    OUTCOMES,
    Action,
    AuditEvent,
    Outcome,
    event_fields,
)
from sessiond_server.service.audit.origin import Origin
from sessiond_server.service.audit.reference import audit_tables
from sessiond_server.service.audit.refused_callers import RefusedCallers
from sessiond_server.service.audit.streamed_events import StreamedEvents
from sessiond_server.service.audit.trail import told_where_uncertain
from sessiond_server.service.callers import Callers, Credentials
from sessiond_server.service.sessions.create import SessionCreation
from sessiond_server.transport.engine.port import Call, Status
from tests.support.fakes import (
    ORIGIN,
    FakeClock,
    RecordingAudit,
    RecordingLogger,
    RecordingTelemetry,
    audit_trail,
)
from tests.support.methods import pipeline, rows
from tests.support.store import LIFETIMES, PEPPERS, first_token
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from sessiond_server.service.storage.sessions import NewSession

PAGE = Path(__file__).parents[2] / "docs" / "audit.md"
TOKEN = first_token()
JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"
JWE = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..aXY.Y2lwaGVy.dGFn"
LOGIN = Login("https://id.example", "alice@example.com", "app", tenant_id="acme")


def test_the_page_is_that_of_the_types() -> None:
    assert f"<!-- audit -->\n\n{audit_tables()}\n<!-- end of audit -->" in PAGE.read_text(), "run: make docs"


def test_every_action_outcome_and_field_has_a_meaning() -> None:
    assert set(ACTIONS) == set(Action)
    assert set(OUTCOMES) == set(Outcome)
    assert all(event_fields().values())


@pytest.mark.parametrize(
    "secret", [TOKEN.reveal(), TOKEN.reveal()[:40], JWT, JWE], ids=["ours", "cut", "jwt", "jwe"]
)
def test_no_text_that_somebody_wrote_brings_a_token_along(secret: str) -> None:
    sink = RecordingAudit()
    origin = Origin("web", "RevokeSession", "req-1", "192.0.2.1", f"ended because of {secret}, see 4711")
    audit_trail(sink).revoked_at_once(
        "KEY", Whose(client_id=secret), origin, cause=Cause.ADMIN, keys_removed=(secret,)
    )
    assert secret not in json.dumps(sink.events)
    assert sink.events[0]["note"] == "ended because of (a token), see 4711"


@pytest.mark.parametrize(
    "text",
    ["https://acme.scalekit.com", "sds_kq0mVt0rWlCkQ0o0n3Y4xA", "a-long-name-of-a-machine.of.a-company"],
)
def test_what_is_no_token_is_told_as_it_was_said(text: str) -> None:
    sink = RecordingAudit()
    audit_trail(sink).revoked_at_once("ISSUER", Whose(issuer=text), ORIGIN, cause=Cause.ADMIN)
    assert sink.events[0]["issuer"] == text


def test_a_session_is_told_by_fixed_fields() -> None:
    sink = RecordingAudit()
    audit_trail(sink).created(TOKEN.session, LOGIN, ORIGIN)
    event = dict(sink.events[0])
    assert len(event.pop("id")) == 16
    assert event.pop("principal") == Pepper(bytes(32)).principal(Whose.of(LOGIN).hashed_subject or b"")
    assert event == {
        "action": "session.created",
        "outcome": "done",
        "caller": "web",
        "method": "RefreshSession",
        "issuer": "https://id.example",
        "session_id": str(TOKEN.session),
        "tenant_id": "acme",
        "client_id": "app",
        "client_ip": "192.0.2.1",
        "request_id": "req-1",
    }


def test_sessions_that_begin_and_end_are_counted() -> None:
    telemetry = RecordingTelemetry()
    trail = audit_trail(CountedEvents(telemetry, local_issuer="https://sessions.example"))
    whose, other = Whose.of(LOGIN), first_token().session
    trail.created(TOKEN.session, LOGIN, ORIGIN)
    trail.created(TOKEN.session, replace(LOGIN, issuer="https://sessions.example"), ORIGIN)
    trail.created(TOKEN.session, LOGIN, ORIGIN, is_adopted=True)
    trail.limit_reached(TOKEN.session, LOGIN, ORIGIN, ended=[other, TOKEN.session])
    trail.ended(TOKEN.session, whose, ORIGIN, cause=Cause.LOGOUT)
    trail.revoked_at_once("SUBJECT", whose, ORIGIN, cause=Cause.ADMIN, count=3)
    assert telemetry.of("session_created") == [("provider_login",), ("local_login",), ("adoption",)]
    assert telemetry.of("sessions_ended") == [
        ("SESSION_LIMIT", 1),
        ("SESSION_LIMIT", 1),
        ("LOGOUT", 1),
        ("ADMIN", 3),
    ]


def test_what_was_not_done_or_not_counted_is_no_end() -> None:
    telemetry = RecordingTelemetry()
    trail, whose = audit_trail(CountedEvents(telemetry, local_issuer=None)), Whose.of(LOGIN)
    for outcome in (Outcome.REPEATED, Outcome.UNCERTAIN):
        trail.ended(TOKEN.session, whose, ORIGIN, cause=Cause.LOGOUT, outcome=outcome)
        trail.created(TOKEN.session, LOGIN, ORIGIN, outcome=outcome)
    trail.ended(None, whose, ORIGIN, cause=Cause.LOGOUT)
    trail.revoked_at_once("TENANT", whose, ORIGIN, cause=Cause.ADMIN)
    trail.reused(TOKEN.session, whose, ORIGIN)
    assert telemetry.events == []


def test_a_principal_is_the_same_for_a_subject_and_nobody_elses() -> None:
    def principal(issuer: str, subject: str, pepper: Pepper) -> str:
        return pepper.principal(Whose.of_subject(issuer, subject).hashed_subject or b"")

    pepper, other = Pepper(bytes(32)), Pepper(b"1" * 32)
    found = principal("i", "alice", pepper)
    assert principal("i", "alice", Pepper(bytes(32))) == found
    assert len({found, principal("i", "bob", pepper), principal("j", "alice", pepper)}) == 3
    assert found.startswith(f"{pepper.id.hex()}.")
    # Whoever knows the subject cannot tell it without the pepper.
    assert principal("i", "alice", other).partition(".")[2] != found.partition(".")[2]


def test_an_event_without_an_answer_is_told_as_uncertain() -> None:
    told: list[str] = []
    for failure in (StoreUnavailableError(), asyncio.CancelledError()):
        with pytest.raises(type(failure)), told_where_uncertain(lambda: told.append("uncertain")):
            raise failure
    with pytest.raises(ValueError, match="x"), told_where_uncertain(lambda: told.append("certain")):
        raise ValueError("x")
    assert told == ["uncertain", "uncertain"]


@pytest.mark.parametrize("failure", [StoreUnavailableError, asyncio.CancelledError, None])
async def test_no_session_can_be_without_an_event(failure: type[BaseException] | None) -> None:
    """Its id is known before the store is asked."""
    sink, unused = RecordingAudit(), Any

    class Store:
        async def create(self, new: NewSession) -> Any:
            if failure:
                raise failure
            return SimpleNamespace(session=new, logged=None, ended=())

    creation = SessionCreation(
        Store(),  # type: ignore[arg-type]
        local=None,
        providers=unused,
        ahead=unused,
        refused=unused,
        possession=unused,
        lifetimes={LOGIN.issuer: IssuerLifetimes(LIFETIMES)},
        entry_life_ms=0,
        peppers=PEPPERS,
        revocations=SimpleNamespace(apply_own=lambda _: None),  # type: ignore[arg-type]
        uncancelled=unused,
        audit=audit_trail(sink),
        randomness=bytes,
    )
    with suppress(StoreUnavailableError, asyncio.CancelledError):
        await creation._store_new(TOKEN, LOGIN, None, ORIGIN)
    (event,) = sink.of("session.created")
    assert event["session_id"] == str(TOKEN.session)
    assert event["outcome"] == ("uncertain" if failure else "done")


def test_a_flood_of_refusals_is_told_once_and_then_counted() -> None:
    sink = RecordingAudit()
    refused = RefusedCallers(audit_trail(sink))
    for _ in range(1000):
        refused.note("unknown", "RevokeSession", "CALLER_UNKNOWN")
    refused.note("orders", "RevokeSession", "CALLER_NOT_PERMITTED")
    assert [(one["caller"], one.get("left_out")) for one in sink.events] == [
        ("unknown", None),
        ("orders", None),
    ]
    refused.tell_left_out()
    refused.tell_left_out()
    assert [(one["caller"], one["left_out"]) for one in sink.events[2:]] == [("unknown", 999)]
    refused.note("unknown", "RevokeSession", "CALLER_UNKNOWN")
    assert "left_out" not in sink.events[3]


async def test_whoever_is_refused_is_told_of_by_headers_or_by_the_request() -> None:
    sink = RecordingAudit()
    nobody = pipeline(Callers([], anonymous=frozenset()), audit=sink)
    assert isinstance(nobody.refuse("RevokeSession", Credentials(("Bearer wrong",))), Status)
    some = pipeline(Callers([], anonymous=frozenset({"session"})), audit=sink)
    row = rows()["RevokeSession"]
    await some.unary(row)(
        row.request(tenant={"issuer": "i", "tenant_id": "t"}).SerializeToString(), Call(row.name)
    )
    assert [(one["method"], one["caller"], one["reason"]) for one in sink.of("caller.refused")] == [
        ("RevokeSession", "unknown", "CALLER_UNKNOWN"),
        ("RevokeSession", "anonymous", "CALLER_NOT_PERMITTED"),
    ]


class Stream:
    """A stream that takes what comes, or nothing for as long as `is_away`."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.is_away, self.tries = False, asyncio.Event()

    async def append(self, entries: Any) -> None:
        self.tries.set()
        if self.is_away:
            raise StoreUnavailableError
        self.taken += map(json.loads, entries)


class World:
    """Events on their way to a stream, and the pauses between tries."""

    def __init__(self, *, max_waiting: int = 4096) -> None:
        self.stream, self.logger, self.pauses = Stream(), RecordingLogger(), []
        self.events = StreamedEvents(
            self.stream,
            clock=FakeClock(),
            logger=self.logger,
            max_waiting=max_waiting,
            sleep=self.pause,
        )

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if len(self.pauses) == 3:
            self.stream.is_away = False
        await asyncio.sleep(0)

    def record(self, *ids: str) -> None:
        for one in ids:
            self.events.record(
                AuditEvent(id=one, action=Action.SESSION_CREATED, outcome=Outcome.DONE, note="x")
            )


async def test_events_wait_for_their_stream_in_their_order_and_one_line_tells_of_it() -> None:
    world = World()
    world.stream.is_away = True
    world.record("a", "b")
    keeping_up = asyncio.create_task(world.events.keep_up())
    await world.stream.tries.wait()
    world.record("c")
    await eventually(lambda: len(world.stream.taken) == 3)
    keeping_up.cancel()
    assert [one["id"] for one in world.stream.taken] == ["a", "b", "c"]
    assert world.stream.taken[0]["event"] == "audit"
    assert world.stream.taken[0]["timestamp"] == "2027-01-15T08:00:00Z"
    assert world.logger.levels == ["error", "info"]
    assert world.pauses == [1.0, 2.0, 4.0]


async def test_what_finds_no_room_to_wait_is_counted() -> None:
    world = World(max_waiting=2)
    world.record("a", "b", "c")
    await world.events.drain()
    assert ([one["id"] for one in world.stream.taken], world.events.dropped) == (["a", "b"], 1)


async def test_a_server_that_stops_does_not_wait_for_a_stream_that_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    monkeypatch.setattr("sessiond_server.service.audit.streamed_events._LAST_EVENTS_SECONDS", 0.01)

    async def never(_seconds: float) -> None:
        await asyncio.Event().wait()

    world.events._sleep, world.stream.is_away = never, True
    world.record("a")
    await world.events.drain()
    assert world.events.dropped == 1
    assert world.logger.said("audit events were lost that the store did not take") == [{"count": 1}]
