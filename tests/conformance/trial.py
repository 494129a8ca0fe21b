"""One case, carried out: its steps in order, and what differs from what it expects."""

from __future__ import annotations

import asyncio
import itertools
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.conformance import backends, leaks
from tests.conformance.matching import differences, numbered, repeated
from tests.conformance.servers import Servers
from tests.conformance.testee import TesteeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.conformance.cases import Case
    from tests.conformance.stage import Stage
    from tests.conformance.testee import Testee

JsonObject = dict[str, Any]
Begun = tuple[int, asyncio.Future[JsonObject]]

_MAIN = "main"
_SECONDS = 10.0
_POLL_SECONDS = 0.01
_REFERENCE = re.compile(r"\$[a-z_0-9]+(\.[a-z_0-9]+)*")
_ABOUT_STEPS = (
    "client",
    "as",
    "later",
    "parallel",
    "until",
    "called",
    "within",
    "during",
    "accepted",
    "expect",
)
_KINDS = ("do", "server", "testee", "result", "cancel", "http", "grpc")
_numbers = itertools.count(1)


class StepError(Exception):
    """A step cannot be carried out, or what it waits for does not come."""


async def differences_of(case: Case, stage: Stage) -> list[str]:
    """Carry a case out; what is not as it expects, one line each."""
    try:
        found = await _found_by(case, stage)
    except AssertionError as error:  # of servers and agents that do not end
        found = [str(error)]
    return stage.through.beyond_what_is_listed(case, found) if stage.through else found


async def _found_by(case: Case, stage: Stage) -> list[str]:
    environment = case.said.get("environment", {})
    with tempfile.TemporaryDirectory(prefix="case-") as folder:
        servers = Servers(case, stage, Path(folder))
        try:
            values = await servers.start()
            if not case.spoils_its_testee:
                return await Trial(case, servers, values, await stage.testee()).run()
            testee = await stage.another_testee(resolved(environment, values))
            try:
                return await Trial(case, servers, values, testee).run()
            finally:
                await testee.stop()
        except TesteeError as error:
            return [f"testee: {error}"]
        finally:
            await servers.stop()


class Trial:
    """The testee's side of a case; `values` is what its steps may speak of."""

    def __init__(self, case: Case, servers: Servers, values: JsonObject, testee: Testee) -> None:
        self._case, self._servers, self._values, self._testee = case, servers, values, testee
        self._prefix = f"{next(_numbers)}-"
        self._clients: set[str] = set()
        self._begun: dict[str, list[Begun]] = {}
        self._secrets: set[str] = set()
        self._before: Mapping[str, int] = {}
        self._found: list[str] = []

    async def run(self) -> list[str]:
        """Carry out the steps, as far as they can be, and compare."""
        written = len(self._testee.errors())
        try:
            for index, step in enumerate(self._case.said["steps"]):
                await self._step(f"steps[{index}] ({_named_by(step)})", step)
            seen = {name: self._case.said[name] for name in ("calls", "watches") if name in self._case.said}
            self._found += self._servers.differences(resolved(seen, self._values))
        except (StepError, AssertionError) as error:
            self._found.append(str(error))
        await self._close_clients()
        self._found += self._servers.unforeseen()
        self._found += leaks.shown_in("standard error", self._testee.errors(written), self._secrets)
        self._found += leaks.shown_in("the agents' log", self._servers.said_between(), self._secrets)
        return self._found

    async def _step(self, where: str, step: JsonObject) -> None:
        if "server" in step and "expect" in step:
            self._found += self._servers.differences_so_far(step, where)
        elif "server" in step:
            self._values |= await self._servers.act(step)
        elif "cancel" in step:
            for number, _ in self._begun[step["cancel"]]:
                await _result(where, self._testee.begin({"do": "cancel", "of": number}))
        elif "testee" in step:
            await self._compare_resources(where, step)
        elif "result" in step:
            await self._take(where, step, self._begun[step["result"]], step["result"])
        elif step.get("later"):
            self._begun[step["as"]] = self._begin_all(step)
        elif "parallel" in step:
            await self._take(where, step, self._begin_all(step))
        elif "during" in step:
            await self._last(where, step)
        else:
            await self._repeat(where, step)

    async def _compare_resources(self, where: str, step: JsonObject) -> None:
        """Take note of what the testee's process has, or wait until it has no more than that again."""
        if step["testee"] == "remember":
            self._before = self._testee.resources()
            return
        most = {what: count + step.get(what, 0) for what, count in self._before.items()}
        loop = asyncio.get_running_loop()
        give_up = loop.time() + _SECONDS
        found = self._testee.resources()
        while any(found[what] > count for what, count in most.items()):
            if loop.time() > give_up:
                raise StepError(f"{where}: expected at most {most}, found {found}")
            await asyncio.sleep(_POLL_SECONDS)
            found = self._testee.resources()

    def _begin_all(self, step: JsonObject) -> list[Begun]:
        """Begin a step as often as it says."""
        steps = [numbered(step, number) for number in range(step.get("parallel", 1))]
        return [self._begin(one) for one in steps]

    async def _take(self, where: str, step: JsonObject, begun: list[Begun], name: str = "") -> None:
        """Wait for results, and compare each with what `step` expects of it."""
        for number, one in enumerate(begun):
            self._judge(where, numbered(step, number), await _result(where, one), name)

    async def _last(self, where: str, step: JsonObject) -> None:
        """Carry a step out again and again, and compare for how long a token was accepted."""
        loop = asyncio.get_running_loop()
        began = accepted = loop.time()
        while (asked := loop.time()) < began + step["during"]:
            result = await _result(where, self._begin(step))
            if "session" in result:
                accepted = asked
            await asyncio.sleep(_POLL_SECONDS)
        self._found += differences(step["accepted"], accepted - began, f"{where}: accepted for")

    async def _repeat(self, where: str, step: JsonObject) -> None:
        """Carry a step out once, or until what it waits for has come."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + _SECONDS
        while True:
            before = await self._servers.reached()
            result = await _result(where, self._begin(step), step.get("within", _SECONDS))
            after = await self._servers.reached()
            seen = {
                "called": after.servers > before.servers,
                "hit": after.clients == before.clients and "error" not in result,
            }
            if self._has_come(step, result, seen):
                self._judge(where, step, result, step.get("as", ""))
                self._found += _not_reached(step, seen, where)
                return
            if loop.time() > give_up:
                expected = differences(resolved(step.get("expect", {}), self._values), result, "result")
                said = "; ".join(expected)
                raise StepError(f"{where}: until {step['until']}: not within {_SECONDS} s; {said}")
            await asyncio.sleep(_POLL_SECONDS)

    def _has_come(self, step: JsonObject, result: JsonObject, seen: Mapping[str, bool]) -> bool:
        match step.get("until"):
            case "called" | "hit" as wanted:
                return seen[wanted]
            case "matches":
                return not list(differences(resolved(step["expect"], self._values), result, ""))
            case _:
                return True

    def _begin(self, step: JsonObject) -> Begun:
        said = {name: value for name, value in step.items() if name not in _ABOUT_STEPS}
        asked = resolved(said, self._values)
        return self._begin_command(step, asked) if "do" in step else self._ask_backend(asked)

    def _ask_backend(self, asked: JsonObject) -> Begun:
        self._secrets |= leaks.in_request(asked)
        return 0, asyncio.ensure_future(backends.ask(asked))

    def _begin_command(self, step: JsonObject, asked: JsonObject) -> Begun:
        command = asked | {"client": self._prefix + step.get("client", _MAIN)}
        if "tokens" in command:
            command["tokens"] = repeated(command["tokens"])
        if step["do"] == "new":
            self._clients.add(command["client"])
            command = {"target": self._values[_MAIN]} | command | self._servers.for_clients(command)
        if step["do"] == "close":
            self._clients.discard(command["client"])
        self._secrets |= leaks.of(command)
        return self._testee.begin(command)

    def _judge(self, where: str, step: JsonObject, result: JsonObject, name: str = "") -> None:
        """Compare a result with what is expected of it, and look for secrets in what it shows."""
        if name:
            self._values[name] = result
        expected = resolved(step.get("expect", {"error": {"$absent": True}}), self._values)
        found = list(differences(expected, result, f"{where}: result"))
        if found and "error" in result and "error" not in expected:
            found.append(f"{where}: result.error: {result['error']}")
        self._found += found
        if step.get("do") == "new" and "error" in result:
            self._clients.discard(self._prefix + step.get("client", _MAIN))
        self._secrets |= leaks.of(result.get("tokens"))
        self._found += leaks.shown_in(f"{where}: shown", str(result.get("shown", "")), self._secrets)

    async def _close_clients(self) -> None:
        for client in self._clients:
            try:
                result = await _result("close", self._testee.begin({"do": "close", "client": client}))
            except (StepError, TesteeError) as error:
                self._found.append(f"close: {error}")
            else:
                self._found += differences({"error": {"$absent": True}}, result, "close")


def _named_by(step: JsonObject) -> str:
    """What a step is called in what is printed."""
    kind = next(kind for kind in _KINDS if kind in step)
    named: str = step[kind] if kind in {"do", "server", "testee", "result"} else kind
    return named


def resolved(value: Any, values: JsonObject) -> Any:
    """`value` with each `$name.member` replaced by what has that name."""
    if isinstance(value, str) and _REFERENCE.fullmatch(value):
        return _named(value, values)
    if isinstance(value, list):
        return [resolved(item, values) for item in value]
    if isinstance(value, dict):
        return {name: resolved(member, values) for name, member in value.items()}
    return value


def _named(reference: str, found: Any) -> Any:
    for name in reference[1:].split("."):
        try:
            found = found[int(name) if isinstance(found, list) else name]
        except (LookupError, TypeError, ValueError):
            raise StepError(f"{reference}: there is no {name!r}") from None
    return found


def _not_reached(step: JsonObject, seen: Mapping[str, bool], where: str) -> Iterator[str]:
    """What is not as `called` of a step says."""
    if "called" in step and not seen["called" if step["called"] else "hit"]:
        yield f"{where}: called: expected {step['called']}, found {seen}"


async def _result(where: str, begun: Begun, seconds: float = _SECONDS) -> JsonObject:
    try:
        return await asyncio.wait_for(asyncio.shield(begun[1]), seconds)
    except TimeoutError:
        raise StepError(f"{where}: no result within {seconds} s") from None
