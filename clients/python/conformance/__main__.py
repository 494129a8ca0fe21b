"""The testee of the Python client; tests/conformance/README.md has the protocol.

python clients/python/conformance [--blocking] [--http flask]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from threading import Barrier
from typing import Any

import clocks  # isort: skip - before the client
from arguments import client_arguments, method_of
from outcomes import failure, outcome

from sessiond import AsyncClient, Client

JsonObject = dict[str, Any]

GROUPS = (
    "verdicts",
    "errors",
    "deadlines",
    "retries",
    "batches",
    "connection",
    "live",
    "cache",
    "watch",
    "flights",
    "http",
    "grpc",
    "browser",
)
FEATURES = (
    "key_file",
    "mtls",
    "ready",
    "repeated_metadata",
    "tls_reload",
    *(("clock",) if clocks.CAN_BE_MOVED else ()),
)
# As many commands as a case has under way at once.
THREADS = 256


class Testee:
    """Carries out commands on asyncio, side by side."""

    def __init__(self, http: str) -> None:
        self._http = http
        self._clients: dict[str, AsyncClient] = {}
        self._backends: dict[str, list[Callable[[], Awaitable[None]]]] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Carry out what comes on standard input until it ends."""
        say({"testee": f"python {version('grpcio')}", "groups": GROUPS, "features": (*FEATURES, "cancel")})
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            command = json.loads(line)
            number = command.pop("id")
            self._tasks[number] = loop.create_task(self._answer(number, command))
        for name in tuple(self._clients):
            await self._close(name)

    async def _answer(self, number: int, command: JsonObject) -> None:
        try:
            result = await self._carried_out(command)
        except asyncio.CancelledError:
            result = {"cancelled": True}
        except Exception as error:  # noqa: BLE001 - whatever is raised is what the case asks about
            result = failure(error)
        del self._tasks[number]
        say({"id": number, **result})

    async def _carried_out(self, command: JsonObject) -> JsonObject:
        match command["do"]:
            case "cancel":
                if command["of"] in self._tasks:
                    self._tasks[command["of"]].cancel()
                return {"done": True}
            case "advance":
                clocks.move(command["clock"], command["seconds"])
                return {"done": True}
            case "new":
                target, options = client_arguments(command)
                self._clients[command["client"]] = AsyncClient(target, **options)
                return {"done": True}
            case "close":
                await self._close(command["client"])
                return {"done": True}
            case "serve_http" | "serve_grpc":
                return await self._serve(command)
            case "list_sessions":
                name, arguments, options = method_of(command)
                listed = getattr(self._clients[command["client"]], name)(*arguments, **options)
                return outcome([record async for record in listed])
        name, arguments, options = method_of(command)
        method: Callable[..., Awaitable[Any]] = getattr(self._clients[command["client"]], name)
        return outcome(await method(*arguments, **options), reads_claims=command.get("claims") is True)

    async def _serve(self, command: JsonObject) -> JsonObject:
        import serving_asgi
        import serving_grpc

        client = self._clients[command["client"]]
        if command["do"] == "serve_http":
            target, end = await serving_asgi.serve(self._http, client, command)
        else:
            target, end = await serving_grpc.serve_on_asyncio(client, command)
        self._backends.setdefault(command["client"], []).append(end)
        return {"serving": {"target": target}}

    async def _close(self, name: str) -> None:
        for end in self._backends.pop(name, ()):
            await end()
        await self._clients.pop(name).close()


class BlockingTestee:
    """Carries out each command in a thread."""

    def __init__(self, http: str) -> None:
        self._http = http
        self._clients: dict[str, Client] = {}
        self._backends: dict[str, list[Callable[[], None]]] = {}

    def run(self) -> None:
        """Carry out what comes on standard input until it ends."""
        say({"testee": f"python, blocking {version('grpcio')}", "groups": GROUPS, "features": FEATURES})
        with ThreadPoolExecutor(THREADS) as threads:
            # All of them are there from the beginning: a case counts what clients leave behind.
            all_there = Barrier(THREADS)
            for _ in range(THREADS):
                threads.submit(all_there.wait)
            for line in sys.stdin:
                command = json.loads(line)
                number = command.pop("id")
                if command["do"] in {"new", "close", "serve_http", "serve_grpc"}:
                    self._answer(number, command)
                else:
                    threads.submit(self._answer, number, command)
        for name in tuple(self._clients):
            self._close(name)

    def _answer(self, number: int, command: JsonObject) -> None:
        try:
            result = self._carried_out(command)
        except Exception as error:  # noqa: BLE001 - whatever is raised is what the case asks about
            result = failure(error)
        say({"id": number, **result})

    def _carried_out(self, command: JsonObject) -> JsonObject:
        match command["do"]:
            case "advance":
                clocks.move(command["clock"], command["seconds"])
                return {"done": True}
            case "new":
                target, options = client_arguments(command)
                self._clients[command["client"]] = Client(target, **options)
                return {"done": True}
            case "close":
                self._close(command["client"])
                return {"done": True}
            case "serve_http" | "serve_grpc":
                return self._serve(command)
        name, arguments, options = method_of(command)
        result = getattr(self._clients[command["client"]], name)(*arguments, **options)
        listed = list(result) if command["do"] == "list_sessions" else result
        return outcome(listed, reads_claims=command.get("claims") is True)

    def _serve(self, command: JsonObject) -> JsonObject:
        import serving_grpc
        import serving_wsgi

        client = self._clients[command["client"]]
        if command["do"] == "serve_http":
            target, end = serving_wsgi.serve(self._http, client, command)
        else:
            target, end = serving_grpc.serve_on_threads(client, command)
        self._backends.setdefault(command["client"], []).append(end)
        return {"serving": {"target": target}}

    def _close(self, name: str) -> None:
        for end in self._backends.pop(name, ()):
            end()
        self._clients.pop(name).close()


def say(result: JsonObject) -> None:
    """One line on standard output."""
    sys.stdout.write(json.dumps(result) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Choose the client, and serve."""
    parser = argparse.ArgumentParser(description="Carries out commands of the conformance suite.")
    parser.add_argument("--blocking", action="store_true", help="the blocking client instead of asyncio's")
    parser.add_argument("--http", help="the kind of middleware for HTTP: asgi, fastapi, flask or django")
    given = parser.parse_args()
    if given.blocking:
        BlockingTestee(given.http or "flask").run()
    else:
        asyncio.run(Testee(given.http or "asgi").run())


if __name__ == "__main__":
    main()
