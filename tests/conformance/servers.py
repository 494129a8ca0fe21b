"""The servers of one case: what they are told to do, and what they saw."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.conformance.agent.fronts import Fronts
from tests.conformance.faulty.server import FaultyServer, seen, summary
from tests.conformance.matching import differences
from tests.conformance.stage import Certificates

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conformance.cases import Case
    from tests.conformance.stage import Stage

JsonObject = dict[str, Any]

_MAIN = "main"
_TLS = frozenset({"tls", "mtls"})


class Reached(NamedTuple):
    """How many calls have come in all to `servers`, and out of `clients`; those of watchers do not count."""

    servers: int
    clients: int


class Servers:
    """Scripted ones by name, or the real one as `main`; their files are in `folder`.

    Where clients reach them through agents there is one in front of each.
    """

    def __init__(self, case: Case, stage: Stage, folder: Path) -> None:
        self._case, self._stage, self._folder = case, stage, folder
        self._by_name: dict[str, FaultyServer] = {}
        self._fronts = Fronts(case, stage.through, folder)
        self._certificates: Certificates | None = None

    async def start(self) -> JsonObject:
        """Start them; what the case's steps may speak of, by name."""
        values: JsonObject = {"files": {"key": str(self._folder / "key")}, "proxy_url": {}}
        if any(said.get("listen") in _TLS for said in self._case.servers.values()):
            self._certificates = Certificates(self._folder)
            values["tls"] = self._certificates.files
        if self._case.said.get("real"):
            real, _ = await self._stage.real()
            values[_MAIN] = await self._fronts.before(_MAIN, real.grpc)
        for name, said in self._case.servers.items():
            server = self._by_name[name] = self._made(name, said)
            await server.start()
            values["proxy_url"][name] = f"http://{server.target}"
            if said.get("away"):
                await server.stop()
            values[name] = await self._fronts.before(name, server.target)
        return values

    async def stop(self) -> None:
        """Stop them."""
        await self._fronts.stop()
        for server in self._by_name.values():
            await server.end()

    async def reached(self) -> Reached:
        """How many calls have come so far."""
        servers = sum(len(server.calls) for server in self._by_name.values())
        return Reached(servers, await self._fronts.calls() if self._fronts.are_asked_by_caches else servers)

    def for_clients(self, command: JsonObject) -> JsonObject:
        """What a client is made with beside what a case says."""
        return self._fronts.for_clients(command, self._stage.key)

    def said_between(self) -> str:
        """What agents have written."""
        return self._fronts.said()

    async def act(self, step: JsonObject) -> JsonObject:
        """Carry out a step; what it adds to what later steps may speak of."""
        match step["server"]:
            case "sign":
                claims = {name: _timed(value) for name, value in step.get("claims", {}).items()}
                token = await self._stage.sign(step.get("header", {}), claims)
                return {step["as"]: {"token": _forged(token) if step.get("forged") else token}}
            case "write_key":
                (self._folder / "key").write_text(step["key"])
            case "renew_certificates":
                await self._renew_certificates()
            case _ if self._fronts.befalls(step):
                await self._fronts.act(step)
            case _:
                acted = _ACTIONS[step["server"]](self._by_name[step.get("at", _MAIN)], step)
                if acted is not None:
                    await acted
        return {}

    def differences(self, expected: JsonObject) -> Iterator[str]:
        """What they saw that is not as `calls` and `watches` of a case say."""
        yield from self._differences(expected, list(self._by_name.values()))

    def differences_so_far(self, step: JsonObject, where: str) -> Iterator[str]:
        """What one of them has seen so far that is not as a step says."""
        server = self._by_name[step.get("at", _MAIN)]
        if step["server"] == "connections":
            yield from differences(step["expect"], server.connected, f"{where}: connections")
        else:
            yield from self._differences({"calls": step["expect"]}, [server], f"{where}: ")

    def _differences(
        self, expected: JsonObject, servers: list[FaultyServer], where: str = ""
    ) -> Iterator[str]:
        if "calls" in expected:
            calls = sorted((call for server in servers for call in server.calls), key=lambda one: one.came_at)
            found = seen(calls) if isinstance(expected["calls"], list) else summary(calls)
            yield from differences(expected["calls"], found, f"{where}calls")
        if "watches" in expected:
            asked = [request for server in servers for request in server.watch.requests]
            yield from differences(expected["watches"], asked, f"{where}watches")

    def unforeseen(self) -> Iterator[str]:
        """A line for each call for which the case had no reply."""
        for name, server in self._by_name.items():
            for method in server.script.unforeseen:
                yield f"{name}: a call of {method} came for which the case has no reply"

    def _made(self, name: str, said: JsonObject) -> FaultyServer:
        listen = said.get("listen", "tcp")
        context = None
        if self._certificates and listen in _TLS:
            context = self._certificates.context(mutual=listen == "mtls")
        return FaultyServer(
            said.get("replies", {}),
            said.get("watch"),
            path=self._folder / name if listen == "unix" else None,
            context=context,
            how=said.get("how", "serve"),
        )

    async def _renew_certificates(self) -> None:
        if self._certificates is None:
            return
        self._certificates.renew()
        for name, server in self._by_name.items():
            listen = self._case.servers[name].get("listen")
            if listen in _TLS:
                await server.stop()
                server.context = self._certificates.context(mutual=listen == "mtls")
                await server.start()


_ACTIONS: Mapping[str, Callable[[FaultyServer, JsonObject], Awaitable[None] | None]] = {
    "start": lambda server, _: server.start(),
    "stop": lambda server, _: server.stop(),
    "drop": lambda server, _: server.drop(),
    "open": lambda server, step: server.script.gate(step["gate"]).set(),
    "replies": lambda server, step: server.script.replace(step["replies"]),
    "await_gate": lambda server, step: server.until_waiting(step["gate"]),
    "await_calls": lambda server, step: server.until("calls", step["count"]),
    "await_left": lambda server, step: server.until("left", step["count"]),
    "await_connections": lambda server, step: server.until("connections", step["count"]),
    "await_closed": lambda server, step: server.until("closed", step["count"]),
    "await_watches": lambda server, step: server.until("watches", step["count"]),
    "revoke": lambda server, step: server.watch.revoke(
        step["kind"], step["issuer"], step["id"], times=step.get("times", 1)
    ),
    "watch_reset": lambda server, _: server.watch.reset(),
    "watch_set": lambda server, step: server.watch.set(step["watch"]),
    "watch_hold": lambda server, _: server.watch.hold(),
    "watch_flow": lambda server, _: server.watch.flow(),
    "watch_end": lambda server, step: server.watch.end(step["status"]),
    "watch_tell": lambda server, step: server.watch.tell(step["event"]),
    "watch_tell_bytes": lambda server, step: server.watch.tell_bytes(bytes.fromhex(step["hex"])),
}


def _forged(token: str) -> str:
    """The same with another signature, which is well-formed: its last bits are those of padding."""
    signed, _, signature = token.rpartition(".")
    return f"{signed}.{signature[-5::-1]}{signature[-4:]}"


def _timed(claim: Any) -> Any:
    """A claim, of which `{"now": SECONDS}` is a time from now."""
    is_time = isinstance(claim, dict) and claim.keys() == {"now"}
    return int(time.time()) + claim["now"] if is_time else claim
