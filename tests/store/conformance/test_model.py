"""Any sequence of refreshes, replays, revocations and waits, against a model of the rotation table."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sessiond_server.adapters.store.connection import StoreAddress, connect
from sessiond_server.domain.failures import RefreshRefusal
from sessiond_server.domain.session import Lifetimes
from sessiond_server.service.storage.sessions import Rotated
from tests.support.examples import examples
from tests.support.store import HOUR, PEPPERS, connected

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from sessiond_server.adapters.embedded.store import EmbeddedStore
    from sessiond_server.domain.refresh_token import RefreshToken

GRACE = 60_000
LIFETIMES = Lifetimes(absolute_ms=10 * HOUR, idle_ms=2 * HOUR, grace_ms=GRACE)


@dataclass
class Model:
    """What the table says of one session; `now` counts from its creation, in milliseconds."""

    tokens: list[RefreshToken]
    now: int = 0
    rotated: list[int] = field(default_factory=list)
    idle_expire: int = LIFETIMES.idle_ms
    device: str = ""
    ended: bool = False

    def expected(self, generation: int, device: str) -> RefreshRefusal | str:
        current = len(self.rotated)
        if self.ended:
            return RefreshRefusal.REVOKED
        if self.now >= LIFETIMES.absolute_ms:
            return RefreshRefusal.LIFETIME_EXCEEDED
        if self.now >= self.idle_expire:
            return RefreshRefusal.IDLE_TIMEOUT
        if generation == current:
            return "rotated"
        # The header keeps the times of two rotations.
        spent = self.rotated[generation] if generation >= current - 2 else self.rotated[current - 2]
        if self.now >= spent + GRACE:
            return RefreshRefusal.REUSED
        return (
            "replayed" if generation == current - 1 and device == self.device else RefreshRefusal.SUPERSEDED
        )

    def rotate(self, successor: RefreshToken, device: str) -> None:
        self.rotated.append(self.now)
        self.idle_expire = min(self.now + LIFETIMES.idle_ms, LIFETIMES.absolute_ms)
        self.device = device
        self.tokens.append(successor)


class Sessions(RuleBasedStateMachine):
    """Drives a real store, one event loop for all steps of a run."""

    socket_path: Any = None
    partitions = 1

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.store = connected(
            connect(StoreAddress(f"unix://{self.socket_path}")), partitions=self.partitions
        )
        self.do(self.store.redis.flushall())

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    def teardown(self) -> None:
        self.do(self.store.redis.aclose())
        self.runner.close()

    @initialize()
    def open(self) -> None:
        token = self.do(self.store.open(lifetimes=LIFETIMES))
        self.model = Model([token])
        self.other = self.do(self.store.open("bob", lifetimes=LIFETIMES))

    @rule(back=st.integers(0, 4), device=st.sampled_from(["phone", "desk"]))
    def refresh(self, back: int, device: str) -> None:
        model = self.model
        token = model.tokens[max(0, len(model.tokens) - 1 - back)]
        expected = model.expected(token.generation, device)
        outcome = self.do(self.store.rotate(token, device=device))
        if isinstance(outcome, Rotated):
            assert expected == ("replayed" if outcome.replayed else "rotated")
            successor = token.successor(pepper=PEPPERS.newest, rotation_salt=outcome.rotation_salt)
            assert outcome.session.login.subject == "alice"
            if outcome.replayed:
                assert successor == model.tokens[-1]
            else:
                model.rotate(successor, device)
        else:
            assert outcome.refusal is expected
            model.ended = model.ended or expected is RefreshRefusal.REUSED

    # These are far enough from every boundary that the time that the test itself takes decides nothing.
    @rule(minutes=st.sampled_from([0.5, 0.5, 1.2, 45, 70]))
    def wait(self, minutes: float) -> None:
        milliseconds = int(minutes * 60_000)
        self.model.now += milliseconds
        self.do(self.store.age(self.model.tokens[0].session, milliseconds))

    @precondition(lambda self: not self.model.ended)
    @rule(how=st.sampled_from(["one", "subject"]))
    def end(self, how: str) -> None:
        session = self.model.tokens[0].session
        is_live = self.model.now < min(self.model.idle_expire, LIFETIMES.absolute_ms)
        ended = self.do(self.store.end(session) if how == "one" else self.store.end_subject())
        assert ended.count == int(is_live)
        self.model.ended = True

    @invariant()
    def what_is_shown_is_what_is_live(self) -> None:
        model = self.model
        is_live = not model.ended and model.now < min(model.idle_expire, LIFETIMES.absolute_ms)
        found = self.do(self.store.sessions.get(model.tokens[0].session))
        assert (found is not None) is is_live
        if found:
            assert found.generation == len(model.rotated)
            assert found.login.subject == "alice"

    @invariant()
    def others_are_left_alone(self) -> None:
        assert self.do(self.store.sessions.get(self.other.session)) is not None


@pytest.fixture
def machine(valkey: EmbeddedStore, partitions: int) -> type[Sessions]:
    return type("Sessions", (Sessions,), {"socket_path": valkey.socket_path, "partitions": partitions})


@pytest.mark.hypothesis
@pytest.mark.usefixtures("one_server")
@pytest.mark.slow
def test_every_history_is_one_that_the_table_allows(machine: type[Sessions]) -> None:
    """The test is synchronous, because the machine runs an event loop of its own."""
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(machine, settings=settings(max_examples=examples(25), stateful_step_count=30))
