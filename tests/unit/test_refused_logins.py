"""Whose refresh tokens are revoked when a login is refused: those that the caller could have revoked anyway.

That they are revoked is seen with a real provider and a real store (tests/fault/test_provider.py).
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from sessiond_server.domain.caller import Caller
from sessiond_server.domain.failures import KeysUnavailableError, LoginRefusal, StoreUnavailableError
from sessiond_server.domain.verdict import Reason
from sessiond_server.service.providers.logins import GivenTokens
from sessiond_server.service.providers.refused_logins import RefusedLogins
from tests.support.fakes import RecordingLogger

ISSUER = "https://issuer.example"
GIVEN = GivenTokens(ISSUER, "access", "refresh")
ANYONE = Caller("a", frozenset())
FINAL = LoginRefusal.ID_TOKEN_INVALID


class World:
    """A provider with one client of ours, and the queue; `client_id` is that of the given access token."""

    def __init__(self, *, client_id: str | None = "app", is_signed: bool = True, room: Any = True) -> None:
        self.claims = SimpleNamespace(client_id=client_id) if is_signed else None
        self.room = room
        self.failing: type[Exception] | None = None
        self.queued: list[tuple[str, str, str]] = []
        self.logger = RecordingLogger()
        ours: Any = self
        self.refused = RefusedLogins(ours, ours, randomness=bytes, logger=self.logger)

    def find(self, issuer: str) -> Any:
        return SimpleNamespace(client_id="app") if issuer == ISSUER else None

    def endpoint_of(self, issuer: str, client_id: str) -> Any:
        return object() if (issuer, client_id) == (ISSUER, "app") else None

    async def claims_of(self, _token: str) -> Any:
        if self.failing:
            raise self.failing
        return self.claims

    async def add(self, _session: Any, *, issuer: str, client_id: str, refresh_token: str) -> bool:
        if self.room is None:
            raise StoreUnavailableError
        if self.room:
            self.queued.append((issuer, client_id, refresh_token))
        return bool(self.room)


@pytest.mark.parametrize(
    ("why", "is_final"),
    [
        (LoginRefusal.ID_TOKEN_INVALID, True),
        (Reason.AUDIENCE_MISMATCH, True),
        (Reason.CLAIM_MISSING, True),
        (Reason.REVOKED, True),
        (LoginRefusal.CLIENT_MISMATCH, False),
        (Reason.EXPIRED, False),
        (Reason.NOT_YET_VALID, False),
        (Reason.BINDING_MISMATCH, False),
        (Reason.SIGNATURE_INVALID, False),
        (Reason.KEY_UNKNOWN, False),
    ],
)
async def test_what_may_be_brought_again_stays_good(why: LoginRefusal | Reason, *, is_final: bool) -> None:
    world = World()
    await world.refused.let_go_of_given(GIVEN, why, caller=ANYONE)
    assert world.queued == ([(ISSUER, "app", "refresh")] if is_final else [])


@pytest.mark.parametrize("world", [World(is_signed=False), World(client_id=None), World(client_id="theirs")])
async def test_a_refresh_token_alone_proves_nothing(world: World) -> None:
    await world.refused.let_go_of_given(GIVEN, FINAL, caller=ANYONE)
    assert world.queued == []


@pytest.mark.parametrize(
    ("limits", "is_its_own"),
    [
        ({"client_ids": frozenset({"app"}), "issuers": frozenset({ISSUER})}, True),
        ({"client_ids": frozenset({"other"})}, False),
        ({"issuers": frozenset({"https://other.example"})}, False),
    ],
)
async def test_a_caller_has_nothing_revoked_that_it_may_not_handle(
    limits: dict[str, Any], *, is_its_own: bool
) -> None:
    world = World()
    await world.refused.let_go_of_given(GIVEN, FINAL, caller=Caller("a", frozenset(), **limits))
    assert bool(world.queued) is is_its_own


async def test_what_a_code_brought_is_our_clients_whatever_it_says() -> None:
    world = World(is_signed=False)
    await world.refused.let_go_of_redeemed(GIVEN)
    assert world.queued == [(ISSUER, "app", "refresh")]
    await world.refused.let_go_of_redeemed(GivenTokens("https://other.example", "access", "refresh"))
    assert len(world.queued) == 1


@pytest.mark.parametrize("room", [True, False, None])
async def test_a_queue_that_takes_nothing_hides_no_refusal(*, room: bool | None) -> None:
    world = World(room=room)
    await world.refused.let_go_of_given(GIVEN, FINAL, caller=ANYONE)
    ((level, _, fields),) = world.logger.lines
    assert (level, fields) == ("warning", {"issuer": ISSUER, "queued": bool(room)})


async def test_keys_that_cannot_be_had_hide_no_refusal() -> None:
    world = World()
    world.failing = KeysUnavailableError
    await world.refused.let_go_of_given(GIVEN, FINAL, caller=ANYONE)
    assert world.queued == []
