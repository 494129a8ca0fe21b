"""The agents of one case, one in front of each server, as the way wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tests.conformance.agent.front import Front

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conformance.agent.ways import Through
    from tests.conformance.cases import Case

JsonObject = dict[str, Any]

_MAIN = "main"
# What an agent does for who has no key, beside what concerns no server.
_FOR_ANYBODY: Final = frozenset({"validate", "validate_all", "new", "close", "ready", "advance"})
# What befalls connections of a server, and the link in its place.
_OF_LINKS: Final = {"stop": "cut", "drop": "lost", "start": "whole"}
_FILES: Final = {
    "tls": {"ca": "authority.pem", "tls-cert": "server.pem", "tls-key": "server-key.pem"},
    "mtls": {"cert": "client.pem", "cert-key": "client-key.pem", "tls-client-ca": "authority.pem"},
}


class Fronts:
    """None where clients reach servers without an agent; their files are in `folder`."""

    def __init__(self, case: Case, through: Through | None, folder: Path) -> None:
        self._case, self._through, self._folder = case, through, folder
        self._by_name: dict[str, Front] = {}

    async def before(self, name: str, target: str) -> str:
        """What a client calls in the place of a server."""
        if self._through is None or name not in self._called():
            return target
        folder = self._folder / f"in-front-of-{name}"
        folder.mkdir(mode=0o700)
        listen = self._case.servers.get(name, {}).get("listen", "tcp")
        front = Front(self._through.program, folder, target, [*self._files(listen), *self._bound()])
        self._by_name[name] = front
        socket = f"unix:{folder / 'agent.sock'}" if listen == "unix" else ""
        await front.start(listens_at=socket, with_links=self._has_links)
        return front.target

    async def stop(self) -> None:
        """End them."""
        for front in self._by_name.values():
            await front.stop()

    @property
    def are_asked_by_caches(self) -> bool:
        """Whether clients keep something before they ask an agent."""
        return self._through is not None and self._through.way != "server"

    async def calls(self) -> int:
        """How many calls have come to them."""
        return sum([await front.agent.calls() for front in self._by_name.values()])

    def said(self) -> str:
        """What they have written."""
        return "".join(front.said() for front in self._by_name.values())

    def befalls(self, step: JsonObject) -> bool:
        """Whether a step of servers is about an agent, or a link of one."""
        fails_before = self._through is not None and self._through.way == "link"
        return step["server"] in {"link", "agent"} or (fails_before and step["server"] in _OF_LINKS)

    async def act(self, step: JsonObject) -> None:
        """Carry such a step out."""
        front = self._by_name[step.get("at", _MAIN)]
        if step["server"] == "agent":
            await front.become(step["state"])
        elif step["server"] == "link":
            await front.link(step["side"], step["state"])
        else:
            await front.link("before", _OF_LINKS[step["server"]])

    def for_clients(self, command: JsonObject, key: str) -> JsonObject:
        """What a client has beside what a case says: no cache, and a key for what nobody may without."""
        if self._through is None:
            return {}
        more: JsonObject = {"cache": False} if self._through.way == "server" else {}
        does = {step["do"] for step in self._case.said["steps"] if "do" in step}
        if does - _FOR_ANYBODY and not {"key", "key_file"} & command.keys():
            more["key"] = key
        return more

    def _called(self) -> set[str]:
        """The servers that clients call."""
        made = [step for step in self._case.said["steps"] if step.get("do") == "new"]
        return {step.get("target", f"${_MAIN}").removeprefix("$") for step in made}

    @property
    def _has_links(self) -> bool:
        fails = any(step.get("server") == "link" for step in self._case.said["steps"])
        return fails or (self._through is not None and self._through.way == "link")

    def _files(self, listen: str) -> Iterator[str]:
        """Those of TLS, on both sides."""
        named = {"tls": _FILES["tls"], "mtls": _FILES["tls"] | _FILES["mtls"]}.get(listen, {})
        for name, file in named.items():
            yield from (f"--{name}-file", str(self._folder / file))

    def _bound(self) -> Iterator[str]:
        """How much the agent keeps, where it keeps in the place of the client."""
        for step in self._case.said["steps"]:
            bound = (step.get("cache") or {}).get("max_entries")
            if bound:
                yield from ("--cache-entries", str(bound))
