"""Callers that log in, validate, refresh and revoke at every server, and write down what they see."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from sessiond import (
    FULLY_CONSISTENT,
    AsyncClient,
    AtLeast,
    RefreshRefusedError,
    Rejection,
    SessiondError,
)
from tests.support.history import Event, History, Operation, Outcome, Way

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from random import Random

    from tests.support.cluster import Cluster

T = TypeVar("T")

# How many sessions are in use at a time, and for how long one is validated after its end.
LIVE_SESSIONS = 12
WATCHED_SECONDS = 2.5
PAUSE_SECONDS = 0.004
TIMEOUT_SECONDS = 1.5


@dataclass(eq=False)
class Subject:
    """A session in use: what its caller holds of it, and since when it has been ended."""

    number: int
    session_id: str
    access_token: str
    refresh_token: str
    ended_at: float | None = None
    revision: str = ""
    is_busy: bool = False


@dataclass
class Workload:
    """`random` decides what is done next; everything is written into `history`."""

    clients: list[AsyncClient]
    history: History
    random: Random
    sessions: list[Subject] = field(default_factory=list)
    revoked: list[Subject] = field(default_factory=list)
    created: int = 0
    is_over: bool = False

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def run_caller(self) -> None:
        """Do one thing after another until it is over."""
        while not self.is_over:
            await self._do_something()
            await asyncio.sleep(PAUSE_SECONDS)

    async def try_everything_again(self) -> None:
        """Present the tokens of every session whose end was acknowledged, at every server."""
        for session in list(self.revoked):
            servers = range(len(self.clients))
            validated = (self._validate(session, server=server) for server in servers)
            await asyncio.gather(*validated, self._refresh(session))

    async def _do_something(self) -> None:
        now = self.now()
        self.sessions = [
            one for one in self.sessions if one.ended_at is None or now - one.ended_at < WATCHED_SECONDS
        ]
        free = [one for one in self.sessions if not one.is_busy]
        live = [one for one in free if one.ended_at is None]
        choice = self.random.random()
        if sum(one.ended_at is None for one in self.sessions) < LIVE_SESSIONS:
            await self._create()
        elif choice < 0.1 and live:
            await self._alone(self.random.choice(live), self._refresh)
        elif choice < 0.15 and live:
            await self._alone(self.random.choice(live), self._revoke)
        elif choice < 0.17 and len(free) > len(live):
            await self._refresh(self.random.choice([one for one in free if one.ended_at is not None]))
        elif self.sessions:
            await self._validate(self.random.choice(self.sessions))

    async def _alone(self, session: Subject, do: Callable[[Subject], Any]) -> None:
        session.is_busy = True
        try:
            await do(session)
        finally:
            session.is_busy = False

    def _server(self) -> int:
        return self.random.randrange(len(self.clients))

    async def _create(self) -> None:
        self.created += 1
        number, server = self.created, self._server()
        call = self.clients[server].create_local_session(f"user-{number}")
        tokens = await self._ask(Operation.CREATE, number, server, call)
        if tokens:
            self.sessions.append(
                Subject(number, tokens.session.session_id, tokens.access_token, tokens.refresh_token)
            )

    async def _validate(self, session: Subject, *, server: int | None = None) -> None:
        server = self._server() if server is None else server
        way = self.random.choice([Way.PLAIN, Way.PLAIN, Way.FULLY, Way.AT_LEAST])
        if way is Way.AT_LEAST and not session.revision:
            way = Way.PLAIN
        consistency = {Way.FULLY: FULLY_CONSISTENT, Way.AT_LEAST: AtLeast(session.revision)}.get(way)
        call = self.clients[server].validate(session.access_token, consistency=consistency)
        await self._ask(Operation.VALIDATE, session.number, server, call, way)

    async def _refresh(self, session: Subject) -> None:
        server = self._server()
        call = self.clients[server].refresh(session.refresh_token)
        tokens = await self._ask(Operation.REFRESH, session.number, server, call)
        if tokens:
            session.access_token, session.refresh_token = tokens.access_token, tokens.refresh_token
        elif self.history.events[-1].outcome is Outcome.REFUSED:
            # Whatever has ended it, it opens nothing any more.
            session.ended_at = session.ended_at or self.now()

    async def _revoke(self, session: Subject) -> None:
        server = self._server()
        call = self.clients[server].revoke_session(session.session_id)
        ended = await self._ask(Operation.REVOKE, session.number, server, call)
        if ended:
            session.ended_at, session.revision = self.now(), ended.revision
            self.revoked.append(session)

    async def _ask(
        self, operation: Operation, session: int, server: int, call: Awaitable[T], way: Way = Way.PLAIN
    ) -> T | None:
        """What the call brought, once it is written down; None where it was refused, or brought nothing."""
        invoked, answer, reason, outcome = self.now(), None, "", Outcome.UNKNOWN
        try:
            answer = await call
            outcome = Outcome.DONE
        except RefreshRefusedError as error:
            outcome, reason = Outcome.REFUSED, error.reason
        except SessiondError as error:
            reason = error.reason
        if isinstance(answer, Rejection):
            outcome, reason = Outcome.REFUSED, str(answer.reason)
        self.history.events.append(
            Event(operation, session, server, invoked, self.now(), outcome, way, reason)
        )
        return answer


@asynccontextmanager
async def running_workload(
    cluster: Cluster, history: History, random: Random, *, callers: int = 12
) -> AsyncIterator[Workload]:
    """Callers at work until the context closes."""
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(
                AsyncClient(member.address, key=cluster.key, timeout=TIMEOUT_SECONDS)
            )
            for member in cluster.members
        ]
        workload = Workload(clients, history, random)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(callers):
                tasks.create_task(workload.run_caller())
            try:
                yield workload
            finally:
                workload.is_over = True
