"""Callers that refresh sessions again and again, whatever happens, and what they are told."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

import pytest

from sessiond import RefreshRefusedError, Rejection, UnavailableError
from tests.support.refreshes_once import RefreshesOnce
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from sessiond import Tokens

# A server answers sooner than this whatever its store does: a call that takes longer was not answered.
TIMEOUT_SECONDS = 5.0
PAUSE_SECONDS = 0.02
AT_ONCE = 32


def now() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class Told:
    """What all callers were told: `successors` by what was presented, `unavailable` by its reason."""

    rotated: int = 0
    successors: dict[str, set[str]] = field(default_factory=dict)
    unavailable: Counter[str] = field(default_factory=Counter)
    longest_outage_seconds: float = 0.0

    @property
    def forks(self) -> int:
        """How many tokens have had more than one successor."""
        return sum(len(found) > 1 for found in self.successors.values())


@dataclass(eq=False)
class Rotator:
    """One session; a refresh without an answer is repeated with the same token, at the next server."""

    clients: Sequence[RefreshesOnce]
    tokens: Tokens
    told: Told
    pause_seconds: float
    rotated: int = 0
    answered_at: float = field(default_factory=now)

    async def run(self, is_over: Callable[[], bool]) -> None:
        """Refresh until it is over; fails where the session is refused."""
        for attempt in count():
            if is_over():
                return
            await self.rotate(self.clients[attempt % len(self.clients)])

    async def rotate(self, client: RefreshesOnce) -> None:
        presented = self.tokens.refresh_token
        try:
            self.tokens = await client.refresh(presented)
        except UnavailableError as error:
            self.told.unavailable[error.reason or error.code.name] += 1
            await asyncio.sleep(PAUSE_SECONDS)
            return
        self.told.successors.setdefault(presented, set()).add(self.tokens.refresh_token)
        self.told.rotated += 1
        self.rotated += 1
        since, self.answered_at = self.answered_at, now()
        self.told.longest_outage_seconds = max(self.told.longest_outage_seconds, self.answered_at - since)
        await asyncio.sleep(self.pause_seconds)


@dataclass
class Rotations:
    """Callers at work; `ended` are tokens of sessions whose end was acknowledged meanwhile."""

    clients: list[RefreshesOnce]
    told: Told = field(default_factory=Told)
    rotators: list[Rotator] = field(default_factory=list)
    ended: list[Tokens] = field(default_factory=list)
    began_at: float = field(default_factory=now)
    is_over: bool = False

    async def go_on(self, *, more: int = 3, seconds: float = 40) -> None:
        """Return when every session has had so many successors more."""
        reached = [one.rotated for one in self.rotators]
        await eventually(
            lambda: all(
                one.rotated >= before + more for one, before in zip(self.rotators, reached, strict=True)
            ),
            timeout=seconds,
        )

    async def end_sessions(self) -> None:
        """Open a session, end it and keep its tokens, again and again; only what is acknowledged counts."""
        for number in count():
            if self.is_over:
                return
            client = self.clients[number % len(self.clients)]
            try:
                tokens = await client.create_local_session(f"leaver-{number}", client_id="web")
                await client.revoke_session(tokens.session.session_id)
                self.ended.append(tokens)
            except UnavailableError as error:
                self.told.unavailable[error.reason or error.code.name] += 1
            await asyncio.sleep(PAUSE_SECONDS)

    async def check(self) -> None:
        """Nobody has two successors, who was ended stays so at every server, and all others go on."""
        assert self.told.forks == 0
        for one in self.rotators:
            await decided(lambda client, one=one: client.refresh(one.tokens.refresh_token), self.clients[0])
        for at in range(0, len(self.ended), AT_ONCE):
            some = self.ended[at : at + AT_ONCE]
            await asyncio.gather(*(has_ended(tokens, self.clients) for tokens in some))

    def summary(self) -> str:
        """One line for whoever looks on."""
        told, seconds = self.told, now() - self.began_at
        refusals = ", ".join(f"{number} {reason}" for reason, number in told.unavailable.most_common())
        return (
            f"{len(self.rotators)} sessions, {told.rotated} rotations ({told.rotated / seconds:.0f}/s), "
            f"{len(self.ended)} ends; unavailable: {refusals or 'never'}; "
            f"no session waited longer than {told.longest_outage_seconds:.1f} s; {told.forks} forks"
        )


async def has_ended(tokens: Tokens, clients: Sequence[RefreshesOnce]) -> None:
    """See that nothing of an ended session is taken any more."""
    for client in clients:
        verdict = await decided(lambda client: client.validate(tokens.access_token), client)
        assert isinstance(verdict, Rejection)
        assert verdict.reason == "REVOKED"
    with pytest.raises(RefreshRefusedError, match="SESSION_REVOKED"):
        await decided(lambda client: client.refresh(tokens.refresh_token), clients[0])


async def decided(ask: Callable[[RefreshesOnce], Awaitable[object]], client: RefreshesOnce) -> object:
    """The first answer that decides something."""

    async def answer() -> object:
        try:
            return await ask(client)
        except UnavailableError:
            return None

    return await eventually(answer, timeout=40)


@asynccontextmanager
async def rotating(
    addresses: Sequence[str],
    *,
    sessions: int,
    pause_seconds: float = PAUSE_SECONDS,
    key: str | None = None,
    subject: Callable[[int], str] = "user-{}".format,
) -> AsyncIterator[Rotations]:
    """So many sessions that are refreshed at these servers until the context closes, and others that end.

    An answer that is neither a success nor UNAVAILABLE ends the test.
    """
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(
                RefreshesOnce(address, key=key, timeout=TIMEOUT_SECONDS, cache=None, batching=False)
            )
            for address in addresses
        ]
        rotations = Rotations(clients)
        for number in range(sessions):
            tokens = await clients[0].create_local_session(subject(number), client_id="web")
            at = number % len(clients)
            turn = [*clients[at:], *clients[:at]]
            rotations.rotators.append(Rotator(turn, tokens, rotations.told, pause_seconds))
        async with asyncio.TaskGroup() as tasks:
            for one in rotations.rotators:
                tasks.create_task(one.run(lambda: rotations.is_over))
            tasks.create_task(rotations.end_sessions())
            try:
                await rotations.go_on()
                yield rotations
                await rotations.go_on()
            finally:
                rotations.is_over = True
        await rotations.check()
