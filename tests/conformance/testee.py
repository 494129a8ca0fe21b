"""A testee: a process that carries out commands of one client, over lines of JSON; README.md has them."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shlex
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.conformance.vocabulary import FEATURES, GROUPS

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Mapping, Sequence

JsonObject = dict[str, Any]

_SECONDS_TO_START = 30
_SECONDS_TO_END = 10
_LINE_BYTES = 1 << 26


class TesteeError(Exception):
    """The testee does not keep to the protocol, or is gone."""

    __test__ = False


class Testee:
    """Begins commands, and hands each its result; commands run side by side."""

    __test__ = False

    def __init__(self, process: Process) -> None:
        self._process = process
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[JsonObject]] = {}
        self._gone = ""
        self._errors = bytearray()
        self._tasks: list[asyncio.Task[None]] = []
        self.name = ""
        self.groups: Sequence[str] = ()
        self.features: Sequence[str] = ()

    @classmethod
    async def start(cls, command: str, environment: Mapping[str, str] | None = None) -> Testee:
        """Start it, and read what it says of itself; raises `TesteeError`."""
        process = await asyncio.create_subprocess_exec(
            *shlex.split(command),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **(environment or {})},
            limit=_LINE_BYTES,
        )
        testee = cls(process)
        testee._tasks.append(asyncio.create_task(testee._read_errors()))
        try:
            async with asyncio.timeout(_SECONDS_TO_START):
                await testee._greet()
        except BaseException:
            await testee.stop()
            raise
        testee._tasks.append(asyncio.create_task(testee._read()))
        return testee

    def begin(self, command: JsonObject) -> tuple[int, asyncio.Future[JsonObject]]:
        """Send a command; its id, and its result to come."""
        number = next(self._ids)
        result: asyncio.Future[JsonObject] = asyncio.get_running_loop().create_future()
        if self._gone:
            result.set_exception(TesteeError(self._gone))
            return number, result
        self._waiting[number] = result
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"id": number, **command}).encode() + b"\n")
        return number, result

    @property
    def is_gone(self) -> bool:
        """Whether no command can be sent any more."""
        return bool(self._gone)

    def errors(self, begin: int = 0) -> str:
        """What it has written to its standard error so far, from a place on."""
        return self._errors[begin:].decode(errors="replace")

    def resources(self) -> Mapping[str, int]:
        """How many threads and open files the process has; nothing where the system does not tell."""
        process = Path(f"/proc/{self._process.pid}")
        folders = {"threads": process / "task", "files": process / "fd"}
        return {what: len(list(folder.iterdir())) for what, folder in folders.items() if folder.exists()}

    async def stop(self) -> None:
        """End it, by the end of its input, or else by force."""
        if self._process.stdin:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(_SECONDS_TO_END):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task

    async def _greet(self) -> None:
        assert self._process.stdout
        line = await self._process.stdout.readline()
        try:
            said = json.loads(line)
            self.name, self.groups, self.features = said["testee"], said["groups"], said["features"]
        except (ValueError, KeyError, TypeError):
            raise TesteeError(f"its first line is not what README.md says: {line!r}{self.errors()}") from None
        for what, known in (("groups", GROUPS), ("features", FEATURES)):
            for unknown in set(said[what]) - set(known):
                raise TesteeError(f"{what}: found {unknown!r}, allowed are {', '.join(known)}")

    async def _read(self) -> None:
        assert self._process.stdout
        try:
            while line := await self._process.stdout.readline():
                self._take(line)
            self._lose("the testee has ended")
        except TesteeError as error:
            self._lose(str(error))
            self._process.kill()

    def _take(self, line: bytes) -> None:
        try:
            result = json.loads(line)
            waiting = self._waiting.pop(result.pop("id"))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise TesteeError(f"this is no result of a command: {line[:200]!r}") from None
        if not waiting.done():
            waiting.set_result(result)

    def _lose(self, why: str) -> None:
        self._gone = why
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(TesteeError(f"{why}; its last words: {self.errors()[-2000:]}"))
                # Of several commands under way one is waited for at a time: asyncio is not to complain.
                waiting.exception()
        self._waiting.clear()

    async def _read_errors(self) -> None:
        assert self._process.stderr
        while data := await self._process.stderr.read(1 << 16):
            self._errors += data
