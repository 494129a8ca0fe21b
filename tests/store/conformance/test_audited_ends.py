"""What is told when sessions end: by whom, whose they were, and whether anything has changed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from sessiond_server.domain.failures import RefreshRefusal, StoreUnavailableError
from sessiond_server.domain.refresh_token import MAX_GENERATION, Pepper, RefreshToken
from sessiond_server.domain.revocation import NO_ID, RevocationType
from sessiond_server.domain.revocation_ids import RevocationIds
from sessiond_server.domain.session import Cause, Whose
from sessiond_server.service.providers.exchange import ProviderExchange
from sessiond_server.service.sessions.revoke import ByAccessToken, ByRefreshToken, BySession, BySubject
from sessiond_server.service.storage.cutoffs import Shared
from sessiond_server.service.storage.sessions import NotRotated
from sessiond_server.service.uncancelled import Uncancelled
from tests.support.commands import ANYBODY, revocation_over
from tests.support.fakes import (
    ORIGIN,
    FakeClock,
    RecordingAudit,
    SilentLogger,
    SilentTelemetry,
    audit_trail,
)
from tests.support.leases import PROVIDER_SESSION, Provider, tokens
from tests.support.revocations import viewed
from tests.support.store import ISSUER, Store, at_most, connected, first_token, proposal

if TYPE_CHECKING:
    from sessiond_server.service.sessions.revoke import Target

UNUSED: Any = None
ALICE = Pepper(bytes(32)).principal(Whose.of_subject(ISSUER, "alice").hashed_subject or b"")


async def authenticate(_: bytes, **_permitted: object) -> Any:
    """Every access token is a provider's, of alice's login."""
    claims = SimpleNamespace(
        issuer=ISSUER,
        subject="alice",
        client_id="app",
        tenant_id="acme",
        token_id="jti-1",
        provider_session_id=PROVIDER_SESSION,
    )
    ids = RevocationIds((), NO_ID, NO_ID, 1_000, 0)
    return SimpleNamespace(claims=claims, policy=SimpleNamespace(is_local=False), revocation_ids=ids)


class Server:
    """The services of a server that end sessions, and what they tell of it."""

    def __init__(self, store: Store) -> None:
        self.store, self.audit = store, RecordingAudit()
        self.view = viewed(store, FakeClock())
        validation = SimpleNamespace(authenticate=authenticate)
        self._revocation = revocation_over(store, self.view, validation, self.audit)
        self.exchange = ProviderExchange(
            store.sessions,
            store.stores.leases,
            UNUSED,
            revocations=self.view,
            logger=SilentLogger(),
            telemetry=SilentTelemetry(),
            uncancelled=Uncancelled(),
            until_stored=UNUSED,
            audit=audit_trail(self.audit),
            clock=FakeClock(),
        )

    async def revoke(self, target: Target, cause: Cause = Cause.ADMIN) -> list[dict[str, Any]]:
        """The events that this causes."""
        told = len(self.audit.events)
        await self._revocation.revoke(target, cause=cause, caller=ANYBODY, origin=ORIGIN)
        return self.audit.events[told:]


@pytest.fixture
async def server(store: Store) -> Server:
    server = Server(store)
    for partition in store.partitions:
        await server.view.catch_up(partition)
    return server


def said(event: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(event.get(name) for name in names)


@pytest.mark.parametrize(
    "by", [lambda token: BySession(token.session), lambda token: ByRefreshToken(token.reveal())]
)
async def test_an_end_says_whose_session_it_was_and_a_repeated_one_that_nothing_changed(
    store: Store, server: Server, by: Any
) -> None:
    token = await store.open()
    for outcome in ("done", "repeated"):
        (event,) = await server.revoke(by(token))
        assert said(event, "action", "outcome", "cause") == ("session.ended", outcome, "ADMIN")
        assert said(event, "session_id", "principal", "issuer", "client_id") == (
            str(token.session),
            ALICE,
            ISSUER,
            "app",
        )
        assert said(event, "caller", "request_id") == (ORIGIN.caller, ORIGIN.request_id)
        assert event["revision"]


async def test_what_nobody_knows_is_told_of_as_unchanged(store: Store, server: Server) -> None:
    await store.open()
    token = first_token()
    (event,) = await server.revoke(BySession(token.session))
    assert said(event, "outcome", "session_id", "principal") == ("repeated", str(token.session), None)


async def test_a_session_that_cannot_be_unsealed_ends_and_is_told_of(store: Store) -> None:
    token = await store.open()
    server = Server(connected(store.redis, partitions=len(list(store.partitions)), sealing=(b"other" * 8,)))
    (event,) = await server.revoke(BySession(token.session))
    assert said(event, "outcome", "principal") == ("done", ALICE)


async def test_a_logout_tells_each_session_that_it_ends(provider: Provider) -> None:
    server = Server(provider.store)
    opened = [await provider.open(), await provider.open()]
    events = await server.revoke(ByAccessToken(b"access-1"), Cause.LOGOUT)
    assert {one["session_id"] for one in events} == {str(token.session) for token in opened}
    assert {said(one, "outcome", "principal", "tenant_id") for one in events} == {("done", ALICE, "acme")}
    (again,) = await server.revoke(ByAccessToken(b"access-1"), Cause.LOGOUT)
    assert said(again, "outcome", "session_id", "principal") == ("repeated", None, ALICE)


async def test_what_many_sessions_share_is_told_once(store: Store, server: Server) -> None:
    for _ in range(3):
        await store.open()
    (event,) = await server.revoke(BySubject(ISSUER, "alice", None))
    assert said(event, "action", "target", "count", "principal", "outcome") == (
        "revocation.bulk",
        "SUBJECT",
        3,
        ALICE,
        "done",
    )
    named = {
        Shared(RevocationType.TENANT, ISSUER, "acme"): ("tenant_id", "acme"),
        Shared(RevocationType.CLIENT, ISSUER, "app"): ("client_id", "app"),
        Shared(RevocationType.KEY, ISSUER, "k1"): ("keys_removed", ["k1"]),
        Shared(RevocationType.PROVIDER_SESSION, ISSUER, "ses_1"): ("session_id", "ses_1"),
        Shared(RevocationType.ISSUER, ISSUER): ("issuer", ISSUER),
    }
    for shared, (name, value) in named.items():
        (event,) = await server.revoke(shared)
        assert said(event, "action", "target", name) == ("revocation.bulk", shared.type.name, value)
        assert said(event, "outcome", "cause") == ("done", "ADMIN")


async def reused(store: Store) -> RefreshToken:
    """A token that was spent long ago."""
    token = await store.open()
    await store.next(token)
    await store.age(token.session, 60_000)
    return token


async def last_generation(store: Store) -> RefreshToken:
    token = await store.open()
    await store.change(token.session, generation=MAX_GENERATION)
    return RefreshToken(token.pepper, token.session, MAX_GENERATION, token.secret)


@pytest.mark.parametrize(
    ("opened", "told"),
    [
        (reused, [("refresh.reused", "refused", None), ("session.ended", "done", "REUSE")]),
        (last_generation, [("session.ended", "done", "GENERATIONS_EXHAUSTED")]),
    ],
)
async def test_a_refresh_that_ends_its_session_is_told_of_once(
    store: Store, server: Server, opened: Any, told: list[tuple[str, str, str | None]]
) -> None:
    token = await opened(store)
    for _ in range(2):
        assert isinstance(await server.exchange.rotate(proposal(token), ORIGIN), NotRotated)
    assert [said(event, "action", "outcome", "cause") for event in server.audit.events] == told
    assert {said(event, "principal", "session_id") for event in server.audit.events} == {
        (ALICE, str(token.session))
    }


@pytest.mark.parametrize("device", ["phone", "other"])
async def test_what_an_outage_excuses_is_told_apart_from_reuse(
    store: Store, server: Server, device: str
) -> None:
    token = await reused(store)
    await store.redis.set(store.key("seen"), await store.scripts.now_ms(store.partition()) - 55_000)
    await server.exchange.rotate(proposal(token, device=device), ORIGIN)
    (event,) = server.audit.events
    assert said(event, "action", "principal", "session_id") == (
        "refresh.excused",
        ALICE,
        str(token.session),
    )
    assert 55_000 <= event["pause_ms"] < 60_000


async def test_a_refresh_that_ends_nothing_is_not_told_of(store: Store, server: Server) -> None:
    token = await store.open()
    await server.exchange.rotate(proposal(token), ORIGIN)
    outcome = await server.exchange.rotate(proposal(token, device="other"), ORIGIN)
    assert isinstance(outcome, NotRotated)
    assert outcome.refusal is RefreshRefusal.SUPERSEDED
    assert server.audit.events == []


@pytest.mark.parametrize(
    ("target", "action"),
    [
        (lambda token: BySession(token.session), "session.ended"),
        (lambda _: ByAccessToken(b"access-1"), "session.ended"),
        (lambda _: BySubject(ISSUER, "alice", None), "revocation.bulk"),
        (lambda _: Shared(RevocationType.TENANT, ISSUER, "acme"), "revocation.bulk"),
    ],
)
async def test_what_may_have_been_done_is_told_as_uncertain(
    store: Store, server: Server, target: Any, action: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await store.open()

    async def lost(*_: Any, **__: Any) -> Any:
        raise StoreUnavailableError

    monkeypatch.setattr(store.scripts, "run", lost)
    with pytest.raises(StoreUnavailableError):
        await server.revoke(target(token))
    (event,) = server.audit.events
    assert said(event, "action", "outcome", "cause") == (action, "uncertain", "ADMIN")


async def test_whose_session_has_ended_is_known_for_as_long_as_its_tombstone(store: Store) -> None:
    token = await store.open()
    known = Whose(ISSUER, Whose.of_subject(ISSUER, "alice").hashed_subject, client_id="app")
    assert await store.sessions.whose(token.session) == known
    await store.end(token.session)
    assert await store.sessions.whose(token.session) == known


async def test_those_that_end_for_a_new_session_are_named(store: Store) -> None:
    few = connected(store.redis, partitions=len(list(store.partitions)), rules=at_most(2))
    first, second = [(await few.create())[0] for _ in range(2)]
    _, created = await few.create()
    assert created.ended in {(first.session,), (second.session,)}
    assert (await few.create("bob"))[1].ended == ()


async def test_a_session_of_a_provider_that_ends_there_is_told_of(provider: Provider) -> None:
    token, _ = await provider.store.create(tokens=tokens("1"), provider_session=PROVIDER_SESSION)
    server = Server(provider.store)
    rotation, leased = await provider.lease(token)
    with pytest.raises(Exception, match="PROVIDER_REFUSED"):
        await server.exchange._end(rotation, leased, ORIGIN, cause=Cause.PROVIDER_REFUSED)
    (event,) = server.audit.events
    assert said(event, "action", "cause", "principal") == ("session.ended", "PROVIDER_REFUSED", ALICE)
