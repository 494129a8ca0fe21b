"""A caller that may handle some sessions alone learns nothing of the others, and ends none of them."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from sessiond_server.domain.caller import Caller, Group
from sessiond_server.domain.failures import PepperMissingError, SealingKeyMissingError, SessionNotFoundError
from sessiond_server.domain.refresh_token import Peppers
from sessiond_server.domain.session import Cause
from sessiond_server.service.sessions.lookup import SessionLookup
from sessiond_server.service.sessions.revoke import ByAccessToken, ByRefreshToken, BySession
from sessiond_server.service.storage.sessions import Owner
from tests.support.commands import ANYBODY, authenticator_over, revocation_over, scope_over
from tests.support.fakes import ORIGIN, FakeClock, RecordingLogger
from tests.support.revocations import viewed
from tests.support.store import ISSUER, LIFETIMES, Store, first_token

if TYPE_CHECKING:
    from sessiond_server.domain.refresh_token import RefreshToken
    from sessiond_server.service.sessions.revoke import SessionRevocation, SessionsEnded, Target

WEB = Caller("web", frozenset(Group), client_ids=frozenset({"web"}))
ELSEWHERE = Caller("elsewhere", frozenset(Group), issuers=frozenset({"https://elsewhere.example"}))
APP = Caller("app", frozenset(Group), issuers=frozenset({ISSUER}), client_ids=frozenset({"app"}))
CONFINED = [WEB, ELSEWHERE]


async def live(store: Store) -> RefreshToken:
    return await store.open()


async def ended(store: Store) -> RefreshToken:
    token = await store.open()
    await store.end(token.session)
    return token


async def timed_out(store: Store) -> RefreshToken:
    token = await store.open()
    await store.age(token.session, LIFETIMES.idle_ms)
    return token


async def unknown(_: Store) -> RefreshToken:
    return first_token()


EVERY = [live, ended, timed_out, unknown]
KNOWN = EVERY[:-1]


async def revocation(store: Store, claims: Any = None) -> SessionRevocation:
    async def authenticate(_: bytes, *, permitted_issuers: frozenset[str] | None) -> Any:
        """Every access token is one that the local issuer signed for the application "app"."""
        if permitted_issuers is not None and ISSUER not in permitted_issuers:
            return None
        return SimpleNamespace(claims=claims, policy=SimpleNamespace(is_local=True))

    view = viewed(store, FakeClock())
    await view.catch_up(store.partition())
    return revocation_over(store, view, SimpleNamespace(authenticate=authenticate))


async def revoke(service: SessionRevocation, target: Target, caller: Caller) -> SessionsEnded:
    return await service.revoke(target, cause=Cause.LOGOUT, caller=caller, origin=ORIGIN)


def claims_of(token: RefreshToken, client_id: str = "app") -> Any:
    return SimpleNamespace(issuer=ISSUER, client_id=client_id, session_id=str(token.session))


async def logged(store: Store) -> int:
    return (await store.log.read(store.partition(), None)).position.number


@pytest.mark.parametrize("make", KNOWN)
async def test_whose_a_session_is_can_be_told_until_its_tombstone_goes(store: Store, make: Any) -> None:
    token = await make(store)
    for caller, owner in ((APP, Owner.CALLER), (WEB, Owner.OTHERS), (ELSEWHERE, Owner.OTHERS)):
        assert await store.sessions.owner_of(token.session, caller) is owner


async def test_of_an_unknown_session_nobody_knows_whose_it_was(store: Store) -> None:
    lost = first_token().session
    assert await store.sessions.owner_of(lost, APP) is Owner.UNKNOWN
    await store.end(lost, is_proven=True)
    assert await store.sessions.owner_of(lost, APP) is Owner.UNKNOWN


async def test_a_session_of_an_issuer_that_is_not_configured_here_is_not_taken_for_anothers(
    store: Store,
) -> None:
    token = await store.open()
    await store.change(token.session, hashed_issuer=b"another issuer..")
    with pytest.raises(SealingKeyMissingError):
        await store.sessions.owner_of(token.session, WEB)
    assert await store.sessions.owner_of(token.session, ELSEWHERE) is Owner.OTHERS


@pytest.mark.row("not-the-callers")
@pytest.mark.parametrize("caller", CONFINED)
@pytest.mark.parametrize("make", EVERY)
async def test_a_refresh_token_of_anothers_session_is_none(store: Store, make: Any, caller: Caller) -> None:
    token = await make(store)
    assert await authenticator_over(store).authenticate(token.reveal(), caller) is None
    assert await authenticator_over(store, Peppers([b"n" * 32])).authenticate(token.reveal(), caller) is None


async def test_whoever_may_handle_a_session_is_told_that_a_pepper_is_missing(store: Store) -> None:
    token = await store.open()
    with pytest.raises(PepperMissingError):
        await authenticator_over(store, Peppers([b"n" * 32])).authenticate(token.reveal(), APP)


@pytest.mark.parametrize("make", [live, ended, timed_out])
async def test_a_refresh_token_of_the_callers_own_session_is_one(store: Store, make: Any) -> None:
    token = await make(store)
    assert await authenticator_over(store).authenticate(token.reveal(), APP) == token


@pytest.mark.parametrize("caller", CONFINED)
@pytest.mark.parametrize("make", EVERY)
async def test_anothers_session_is_not_found(store: Store, make: Any, caller: Caller) -> None:
    token = await make(store)
    with pytest.raises(SessionNotFoundError):
        await SessionLookup(store.sessions, scope=scope_over(store)).get(token.session, caller=caller)


async def test_the_log_tells_who_named_anothers_session(store: Store) -> None:
    token, logger = await store.open(), RecordingLogger()
    await scope_over(store, logger).owner_of(token.session, WEB)
    assert logger.lines == [
        (
            "warning",
            "a caller named a session that is not its own",
            {"caller": "web", "session_id": str(token.session)},
        )
    ]


@pytest.mark.parametrize("caller", CONFINED)
@pytest.mark.parametrize("make", EVERY)
async def test_anothers_session_is_not_ended_by_its_id(store: Store, make: Any, caller: Caller) -> None:
    service, token = await revocation(store), await make(store)
    record, before = await store.record(token.session), await logged(store)
    assert await revoke(service, BySession(token.session), caller) == await revoke(
        service, BySession(first_token().session), caller
    )
    assert (await store.record(token.session), await logged(store)) == (record, before)


@pytest.mark.parametrize("caller", CONFINED)
@pytest.mark.parametrize("make", KNOWN)
async def test_anothers_session_is_not_ended_by_a_token(store: Store, make: Any, caller: Caller) -> None:
    token = await make(store)
    service = await revocation(store, claims_of(token))
    record, before = await store.record(token.session), await logged(store)
    nothing = await revoke(service, ByRefreshToken("no token at all"), caller)
    assert nothing.count == 0
    assert await revoke(service, ByRefreshToken(token.reveal()), caller) == nothing
    assert await revoke(service, ByAccessToken(b"access"), caller) == nothing
    assert (await store.record(token.session), await logged(store)) == (record, before)


@pytest.mark.parametrize("caller", [ANYBODY, APP])
async def test_a_session_that_the_store_lost_is_ended_by_a_token_that_is_proven(
    store: Store, caller: Caller
) -> None:
    by_refresh, by_access = first_token(), first_token()
    service = await revocation(store, claims_of(by_access))
    for target in (ByRefreshToken(by_refresh.reveal()), ByAccessToken(b"access")):
        assert (await revoke(service, target, caller)).count == 0
    assert await logged(store) == 2
    for target in (ByRefreshToken(by_refresh.reveal()), ByAccessToken(b"access")):
        assert (await revoke(service, target, caller)).count == 0
    assert await logged(store) == 2
    page = await store.log.read(store.partition(), None)
    assert {one.hashed_id for one in page.revocations} == {
        by_refresh.session.hashed,
        by_access.session.hashed,
    }


@pytest.mark.parametrize("caller", [ANYBODY, APP])
async def test_nothing_that_nobody_proved_is_written(store: Store, caller: Caller) -> None:
    service, token = await revocation(store), first_token()
    forged = replace(token, pepper=Peppers([b"n" * 32]).newest)
    for target in (BySession(token.session), ByRefreshToken(forged.reveal())):
        assert (await revoke(service, target, caller)).count == 0
    assert await store.record(token.session) is None
    assert await logged(store) == 0


async def test_the_callers_own_sessions_end(store: Store) -> None:
    first, second, third = [await store.open() for _ in range(3)]
    service = await revocation(store, claims_of(third))
    for target in (BySession(first.session), ByRefreshToken(second.reveal()), ByAccessToken(b"access")):
        assert (await revoke(service, target, APP)).count == 1
