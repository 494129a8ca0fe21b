"""The way of a server to the store: commands are refused, lost, late or kept waiting there as planned."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from typing_extensions import override

from sessiond_server.adapters.store.scripts.catalogue import SCRIPTS
from sessiond_server.adapters.store.scripts.declaration import COMMON_ARGUMENTS
from sessiond_server.adapters.store.scripts.nodes import Nodes
from sessiond_server.adapters.store.store_errors import LATE, kind_of
from sessiond_server.adapters.store.time_limits import COMMAND_LIFE_SECONDS, TIMEOUT_SECONDS
from tests.support.session_model.attempts import CURRENT, SERVER, Attempt

if TYPE_CHECKING:
    from sessiond_server.adapters.store.one_node import OneNode
    from sessiond_server.adapters.store.scripts.declaration import Lane
    from tests.support.session_model.servers import ModelServer
    from tests.support.session_model.world import World

_NAMES: Final = {script.name: [one.name for one in script.args] for script in SCRIPTS}
_REFUSED_LATE: Final = {script.name for script in SCRIPTS if script.late is script.late.REFUSED}
STORE_FAULTS: Final = ("refused", "lost", "late", "stall before", "stall after", "freeze")


@dataclass
class Command:
    """A script that a server sends.

    `not_after_ms` is when it must not be carried out any more, where that is known; its sender may have given
    it up by then. `came_ms` is when its call came, by the store's time as the server knew it, and
    `own_outages` are those of the server, both when it was sent.
    """

    script: str
    server: ModelServer
    attempt: Attempt | None
    words: tuple[Any, ...]
    not_after_ms: float | None
    came_ms: float | None
    own_outages: list[tuple[int, int]]
    is_given_up: bool = False

    def argument(self, name: str) -> Any:
        """What the script is given under this name."""
        first = 3 + int(self.words[2]) + len(COMMON_ARGUMENTS)
        return self.words[first + _NAMES[self.script].index(name)]


@dataclass
class Late:
    """A command that its sender has given up, and that has not arrived yet."""

    command: Command
    link: Link
    partition: int
    lane: Lane


class Link(Nodes):
    """Sends for one server what is carried out whatever becomes of it.

    One command at a time is carried out for all servers, so that the order is known.
    """

    def __init__(self, nodes: OneNode, world: World, names: dict[str, str]) -> None:
        self._nodes = nodes
        self._world = world
        self._names = names
        self.is_cut = False

    @override
    async def send(self, partition: int, lane: Lane, *words: Any, replicas: int = 0) -> Any:
        attempt, server = CURRENT.get(), SERVER.get()
        assert server
        if self.is_cut or server.is_dead:
            # Calls share what is read of the log: it may be another one for which it is asked.
            for one in self._world.attempts:
                if one.server is server and one.method == "RevokeSession":
                    one.excuses.add("REVOCATION_VIEW_STALE")
            if attempt:
                attempt.excuses.add("STORE_UNAVAILABLE")
            raise RedisConnectionError("cut")
        if self._world.is_direct and words[0] != "TIME":
            with self._world.traffic.passing():
                return await self._nodes.send(partition, lane, *words)
        if words[0] == "TIME":
            return divmod(self._world.now_ms * 1000, 1_000_000)
        script = self._names[words[1]] if words[0] == "EVALSHA" else ""
        command = self._command(script, server, attempt, words)
        fault = attempt.fault_at(script) if attempt and script else ""
        return await self._pass(command, partition, lane, fault)

    def _command(
        self, script: str, server: ModelServer, attempt: Attempt | None, words: tuple[Any, ...]
    ) -> Command:
        now = self._world.steady
        reckoned, given_up = server.reckoned(now), server.reckoned(now + COMMAND_LIFE_SECONDS)
        return Command(
            script,
            server,
            attempt,
            words,
            given_up if script in _REFUSED_LATE else None,
            server.reckoned(attempt.arrived) if attempt else None,
            server.outages.known if reckoned is None else server.outages.until(round(reckoned)),
        )

    async def aclose(self) -> None:
        """The connections are those of all servers, and stay."""

    async def _pass(self, command: Command, partition: int, lane: Lane, fault: str) -> Any:
        attempt = command.attempt
        if fault in {"refused", "late"}:
            assert attempt
            attempt.excuses.add("STORE_UNAVAILABLE")
            if fault == "refused":
                raise RedisConnectionError("refused")
            command.is_given_up = True
            self._world.late.append(Late(command, self, partition, lane))
            raise RedisTimeoutError("late")
        if fault == "stall before":
            await self._stall(attempt)
        answer = await asyncio.shield(self._world.spawn(self.carry_out(command, partition, lane)))
        if fault == "stall after":
            await self._stall(attempt)
        if fault == "freeze":
            # The answer lies in the socket of a server that stands still, and does not know for how long.
            await self._stall(attempt, seconds=None)
        if fault == "lost":
            assert attempt
            attempt.excuses.add("STORE_UNAVAILABLE")
            raise RedisConnectionError("lost")
        return answer

    async def _stall(self, attempt: Attempt | None, *, seconds: float | None = TIMEOUT_SECONDS) -> None:
        """Wait until a test lets it go on, for no longer than a client waits for the store."""
        assert attempt
        gate = asyncio.Event()
        attempt.stalls.append(gate)
        self._world.held_back.add(attempt)
        try:
            async with asyncio.timeout(seconds):
                await gate.wait()
        except TimeoutError:
            attempt.excuses.add("STORE_UNAVAILABLE")
            raise RedisTimeoutError("stalled") from None

    async def carry_out(self, command: Command, partition: int, lane: Lane) -> Any:
        """Have the store do it, and tell the model of it."""
        async with self._world.turn:
            try:
                with self._world.traffic.passing():
                    answer = await self._nodes.send(partition, lane, *command.words)
            except ResponseError as error:
                if kind_of(error) == LATE:
                    self._world.witness.note_late(command)
                else:
                    self._world.broken.append(f"{command.script}: {error}")
                raise
            if command.script:
                self._world.witness.note(command, answer)
            return answer
