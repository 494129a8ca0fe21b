"""One run: callers of real servers, and the answers that they get."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

import aiohttp

from sessiond.v1 import session_pb2
from sessiond.v1 import session_service_pb2 as pb
from sessiond_server.adapters.store.connection import StoreAddress, connect
from sessiond_server.adapters.store.scripts import runner
from sessiond_server.adapters.store.scripts.declaration import Lane
from tests.support.idp import Idp
from tests.support.session_model.adopted import Adopting
from tests.support.session_model.answers import judge, told
from tests.support.session_model.attempts import NO_TOKEN, SUCCESS, Attempt
from tests.support.session_model.families import Family, Presented
from tests.support.session_model.logins import TENANT, UNKNOWN, opened
from tests.support.session_model.loop import ModelLoop
from tests.support.session_model.records import disagreements
from tests.support.session_model.servers import ModelServer, task_factory
from tests.support.session_model.stage import CALLERS, Stage
from tests.support.session_model.store_clock import clocked_sources
from tests.support.session_model.world import World

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Mapping

    from tests.support.session_model.targets import Target

# Everything that was held back comes within so long: a lease lasts for 15 s, and a hold for a minute at most.
_SETTLED_MS: Final = 31_000


@dataclass
class Driver:
    """Runs an event loop of its own; `changes` are made to the scripts of the store."""

    stage: Stage
    changes: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.runner = asyncio.Runner(loop_factory=ModelLoop)
        loop: Any = self.runner.get_loop()
        loop.set_task_factory(task_factory)
        sources = clocked_sources(self.changes)
        self._patch = patch.object(runner, "sources", lambda _: sources)
        self._patch.start()
        self.do(self._begin(loop, sources))

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    async def _begin(self, loop: ModelLoop, sources: dict[str, bytes]) -> None:
        stage = self.stage
        clients = {lane: connect(StoreAddress(stage.url), lane=lane) for lane in Lane}
        self.web = aiohttp.ClientSession()
        idp = Idp(stage.idp.state, self.web, stage.idp.process, stage.idp.issuer)
        self.world = World(clients, stage.url, idp, list(stage.settings), sources, loop)
        self.witness = self.world.witness
        await self.world.start(float(int(time.time())))

    def close(self) -> None:
        self.do(self._close())
        self._patch.stop()
        self.runner.close()

    async def _close(self) -> None:
        await self.world.close()
        for client in self.world.clients.values():
            await client.aclose()
        await self.web.close()

    # What callers do.

    def _begin_call(self, attempt: Attempt, request: Any, caller: str = CALLERS[0]) -> None:
        attempt.server.begin(attempt, request, key=self.stage.keys[caller])

    async def _answer(self, attempt: Attempt, request: Any) -> Any:
        """The answer of a call that nothing keeps waiting."""
        self._begin_call(attempt, request)
        await self.world.settled()
        assert attempt.task
        return attempt.task.result()

    async def open(self, server: ModelServer, *, is_provider: bool, subject: str = "alice") -> Family | None:
        """A login, and the session that it opens where nothing is in its way."""
        world = self.world
        request, given = pb.CreateSessionRequest(), {"refresh_token": ""}
        if is_provider:
            given = await world.provider.login(subject)
            tokens = {name: given[name] for name in ("access_token", "refresh_token", "id_token")}
            request.provider_tokens.CopyFrom(pb.ProviderTokens(issuer=world.idp.issuer, **tokens))
        else:
            request.local_login.CopyFrom(pb.LocalLogin(subject=subject, tenant_id=TENANT))
        answer = await self._answer(Attempt("CreateSession", server, world.steady, subject), request)
        if told(answer) == SUCCESS:
            return await opened(world, answer.tokens, upstream=given["refresh_token"])
        if not server.is_troubled and not self.witness.is_unclear(subject):
            self.witness.violations.append(f"a login was refused: {answer}")
        return None

    async def refresh(
        self, presented: Presented, at: Iterable[ModelServer], plan: Mapping[str, str]
    ) -> list[Attempt]:
        """Calls with one token, side by side, of which `plan` is for the first."""
        request = pb.RefreshSessionRequest(refresh_token=presented.token)
        return await self._side_by_side(presented, request, at, plan)

    async def adopt(
        self, about: Adopting, at: Iterable[ModelServer], plan: Mapping[str, str]
    ) -> list[Attempt]:
        """Calls with a token that the provider gave to somebody else, of which `plan` is for the first."""
        request = pb.RefreshSessionRequest(refresh_token=about.adopted.token, issuer=self.world.idp.issuer)
        return await self._side_by_side(about, request, at, plan)

    async def _side_by_side(
        self, about: Presented | Adopting, request: Any, at: Iterable[ModelServer], plan: Mapping[str, str]
    ) -> list[Attempt]:
        caller, request.device.label = about.device
        begun = [Attempt("RefreshSession", server, self.world.steady, about) for server in at]
        begun[0].plan = dict(plan)
        self.world.attempts += begun
        for attempt in begun:
            self._begin_call(attempt, request, caller)
        await self.collect()
        return begun

    async def forge(self, presented: Presented, place: int, server: ModelServer) -> None:
        """A token of which one character was changed: it opens nothing."""
        attempt, text = Attempt("RefreshSession", server, self.world.steady, NO_TOKEN), list(presented.token)
        text[place] = "A" if text[place] != "A" else "B"
        answer = await self._answer(attempt, pb.RefreshSessionRequest(refresh_token="".join(text)))
        if told(answer) not in {"REFRESH_TOKEN_INVALID", "STORE_UNAVAILABLE"}:
            self.witness.complain(attempt, f"I8: what is no token was answered with {told(answer)}")

    async def revoke(self, target: Target, server: ModelServer, plan: dict[str, str]) -> None:
        attempt = Attempt("RevokeSession", server, self.world.steady, target, dict(plan))
        self.world.attempts.append(attempt)
        request = target.request()
        request.cause = session_pb2.REVOCATION_CAUSE_LOGOUT
        self._begin_call(attempt, request)
        await self.collect()

    async def validate(self, token: str, family: Family, server: ModelServer) -> None:
        """An access token, at a server that has ended its session or has read the log."""
        if server not in family.ended_at:
            await self.world.read_log(server)
        attempt = Attempt("ValidateToken", server, self.world.steady, "a token")
        answer = await self._answer(attempt, pb.ValidateTokenRequest(token=token))
        is_accepted = told(answer) == SUCCESS and answer.WhichOneof("verdict") == "session"
        if is_accepted and family.is_over:
            self.witness.complain(attempt, f"I11: a token of {family.name} is accepted")

    # What time and others do.

    async def wait(self, milliseconds: int) -> None:
        """Time passes, in which servers do what they do all the time where they can."""
        await self.world.pass_time(milliseconds)
        await self.world.keep_in_touch()
        await self.world.work()
        await self.collect()

    async def set_store_clock(self, milliseconds: int) -> None:
        await self.world.step_store_clock(milliseconds)
        await self.world.work()
        await self.collect()

    async def outage(self, milliseconds: int) -> None:
        """The store is away for so long, for everybody."""
        for server in self.world.servers:
            server.link.is_cut = True
        await self.wait(milliseconds)
        await self.mend()

    async def crash(self, number: int) -> None:
        """A server is no more, and another begins in its place."""
        await self.world.servers[number].crash()
        await self.world.add_server(number)
        await self.collect()

    async def mend(self) -> None:
        """Every server has its way to the store, and the right time."""
        for server in self.world.servers:
            server.link.is_cut = False
            server.set_clock(0, self.world.wall)
        await self.world.work()
        await self.collect()

    async def come_to_rest(self) -> None:
        """Everything that was held back goes on, and comes to its end."""
        # A call may have been answered while what it had begun was held back.
        for attempt in self.world.held_back:
            attempt.plan.clear()
            attempt.go_on()
        await self.mend()
        for _ in range(2):
            await self.wait(_SETTLED_MS)
        await self.world.work_queue_off()

    def finish(self) -> None:
        """Whatever was held back comes to its end; raises `AssertionError` where something is wrong then."""
        self.do(self.come_to_rest())
        self.look()
        _require_none(self.do(self.world.provider.lost()))

    # What must hold.

    def look(self) -> None:
        """Whether every promise is kept, and the store has what the model has; raises `AssertionError`."""
        _require_none(self.witness.violations)
        _require_none(self.do(disagreements(self.world)))

    async def collect(self) -> None:
        """Look at the answers that there are."""
        world = self.world
        await world.settled()
        done = [one for one in world.attempts if one.task and one.task.done()]
        world.attempts = [one for one in world.attempts if one not in done]
        if world.broken:
            raise RuntimeError(*world.broken)
        for attempt in done:
            judge(world, attempt, self.stage.peppers)
            if isinstance(attempt.about, Adopting) and not attempt.about.adopted.family:
                await self._take_adopted(attempt)

    async def _take_adopted(self, attempt: Attempt) -> None:
        """A session that an adoption has opened, as it is now."""
        assert attempt.task
        if attempt.task.cancelled() or told(answer := attempt.task.result()) != SUCCESS:
            return
        attempt.about.adopted.family = await opened(self.world, answer.tokens, upstream=UNKNOWN)


def _require_none(found: list[str]) -> None:
    assert not found, "\n".join(found)
