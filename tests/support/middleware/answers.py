"""Requests to applications in process, as servers pass them on, and what comes of them."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Answered:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def values(self, name: str) -> list[str]:
        return [value for given, value in self.headers if given.lower() == name.lower()]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


async def ask_asgi(
    app: Any, headers: Headers = (), method: str = "GET", path: str = "/orders", query: bytes = b""
) -> Answered:
    sent = await run_asgi(
        app, {**http_scope(headers, path), "type": "http", "method": method, "query_string": query}
    )
    start, *rest = sent
    told = [(name.decode(), value.decode("latin-1")) for name, value in start["headers"]]
    return Answered(start["status"], told, b"".join(one.get("body", b"") for one in rest))


def http_scope(headers: Headers, path: str) -> dict[str, Any]:
    pairs = (("Host", "api.example"), *headers)
    return {
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "https",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in pairs],
        "client": ("127.0.0.1", 1),
        "server": ("api.example", 443),
    }


async def run_asgi(app: Any, scope: dict[str, Any], *received: dict[str, Any]) -> list[dict[str, Any]]:
    """Everything that an application sends to one connection."""
    waiting = list(received) or [{"type": "http.request", "body": b"", "more_body": False}]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if not waiting:
            await asyncio.Event().wait()
        return waiting.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


def ask_wsgi(
    app: Any, headers: Headers = (), method: str = "GET", path: str = "/orders", query: bytes = b""
) -> Answered:
    environ = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "RAW_URI": f"{path}?{query.decode()}",
        "QUERY_STRING": query.decode(),
        "SERVER_NAME": "api.example",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "api.example",
        "wsgi.url_scheme": "https",
        "wsgi.input": BytesIO(),
        "wsgi.errors": BytesIO(),
    }
    for name, value in headers:
        key = f"HTTP_{name.upper().replace('-', '_')}"
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    started: list[Any] = []

    def start_response(status: str, told: list[tuple[str, str]], _: Any = None) -> None:
        started[:] = [int(status.split(maxsplit=1)[0]), told]

    chunks = app(environ, start_response)
    body = b"".join(chunks)
    getattr(chunks, "close", lambda: None)()
    return Answered(started[0], started[1], body)
