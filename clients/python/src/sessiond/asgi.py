"""Middleware for ASGI: Starlette, FastAPI, Quart, Litestar, and whatever else speaks it.

    app = SessionMiddleware(app, lambda: AsyncClient("127.0.0.1:50051"), routes={"/healthz": PUBLIC})

Whatever is not public by name needs a good token, and `routes` may require more of it. The session is
`current_session()`, and `scope["sessiond"]`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from types import MappingProxyType
from typing import Any, Final, TypeAlias, Unpack
from urllib.parse import quote

from sessiond.browsing.jar import Jar
from sessiond.current import current_session, serving
from sessiond.doors import AsyncDoor, AsyncSource, keeping
from sessiond.middleware.denials import Denial
from sessiond.middleware.gate import Admission, AsyncValidator
from sessiond.middleware.http import Answer, Denied, HttpOptions
from sessiond.middleware.request import Request
from sessiond.middleware.routes import Routes
from sessiond.middleware.rules import PUBLIC, Rule, optional, require

__all__ = [
    "PUBLIC",
    "Answer",
    "AsyncValidator",
    "Denied",
    "Rule",
    "SessionMiddleware",
    "current_session",
    "optional",
    "require",
]

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

_NO_RULES: Final[Mapping[str, Rule]] = MappingProxyType({})
_GOOD_TOKEN: Final = require()
# RFC 6455 §7.4.1: what came violates a policy.
_POLICY_VIOLATION: Final = 1008
_DENIAL_RESPONSE: Final = "websocket.http.response"
_STARTS: Final = frozenset({"http.response.start", "websocket.http.response.start", "websocket.accept"})
_JAR: Final = "sessiond.jar"


class Doorway:
    """Lets connections through to an application by the rules of their routes."""

    def __init__(self, app: App, door: AsyncDoor, routes: Routes) -> None:
        self._app: Final = app
        self._door: Final = door
        self._routes: Final = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, as ASGI calls it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, self._closing(send))
            return
        jar = scope[_JAR] = self._door.begin(lambda: self._read(scope))
        told = send if jar is None else _bringing(jar, send)
        admission = await self.admit(scope, self._find(scope))
        if isinstance(admission, Denial):
            await self.refuse(admission, scope, receive, told)
            return
        scope["sessiond"] = admission
        with serving(admission), keeping(jar):
            try:
                await self._app(scope, receive, told)
            except Exception:
                # New cookies come with the answer that whoever serves this would make without them.
                if jar is not None and jar.lines is not None and not jar.is_written:
                    await told({"type": "http.response.start", "status": 500, "headers": []})
                    await told({"type": "http.response.body", "body": b""})
                raise

    async def admit(self, scope: Scope, rule: Rule) -> Admission:
        """The session of a connection, or what it is told."""
        return await self._door.admit(self._read(scope), rule, scope[_JAR])

    async def refuse(self, denial: Denial, scope: Scope, receive: Receive, send: Send) -> None:
        """Tell a connection that it is denied.

        A WebSocket is told by its handshake's answer where the server can, and is closed before it opens
        otherwise.
        """
        answer = self._door.refuse(denial, scope, route_path(scope))
        prefix = ""
        if scope["type"] == "websocket":
            await receive()
            if _DENIAL_RESPONSE not in (scope.get("extensions") or {}):
                await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": denial.reason})
                return
            prefix = "websocket."
        start = {"type": f"{prefix}http.response.start", "status": int(answer.status)}
        await send({**start, "headers": _to_bytes(answer.headers)})
        await send({"type": f"{prefix}http.response.body", "body": answer.body})

    def _closing(self, send: Send) -> Send:
        """What closes the client that was made here, when the server shuts down."""

        async def closing(message: Message) -> None:
            if message["type"].startswith("lifespan.shutdown."):
                await self._door.close()
            await send(message)

        return closing

    def _read(self, scope: Scope) -> Request:
        return to_request(scope, lambda: self._door.certificate(scope))

    def _find(self, scope: Scope) -> Rule:
        return self._routes.find(scope.get("method", "GET"), route_path(scope))


class SessionMiddleware(Doorway):
    """Lets requests and WebSockets through to `app` by the rules of their routes.

    `client` is an `AsyncClient`, a site (`browser.AsyncBrowser`), or a function that makes a client: that is
    called in the event loop when the first request comes, and what it made is closed when the server shuts
    down. `default` is the rule of what `routes` does not name: by `[METHOD ]/path`, where a path with a slash
    at its end has all below it. `HttpOptions` has the other options; `certificate` and `render` are given the
    scope.
    """

    def __init__(
        self,
        app: App,
        client: AsyncSource,
        *,
        default: Rule = _GOOD_TOKEN,
        routes: Mapping[str, Rule] = _NO_RULES,
        **options: Unpack[HttpOptions],
    ) -> None:
        super().__init__(app, AsyncDoor(client, **options), Routes(routes, default))


def route_path(scope: Scope) -> str:
    """The path within the application, as frameworks route by it."""
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    within = path.removeprefix(root)
    return within if within.startswith("/") else path


def to_request(scope: Scope, certificate: Callable[[], bytes | None]) -> Request:
    """What a decision needs to know of a connection."""
    headers: Sequence[tuple[bytes, bytes]] = scope["headers"]
    raw_path: bytes | None = scope.get("raw_path")
    return Request(
        method=scope.get("method", "GET"),
        path=quote(scope["path"]) if raw_path is None else raw_path.decode("latin-1").partition("?")[0],
        header=lambda name: _values(headers, name.encode()),
        certificate=certificate,
        opens_stream=scope["type"] != "http",
        query=scope.get("query_string", b"").decode("latin-1"),
    )


def _values(headers: Sequence[tuple[bytes, bytes]], name: bytes) -> list[str]:
    return [value.decode("latin-1") for given, value in headers if given.lower() == name]


def _bringing(jar: Jar, send: Send) -> Send:
    """Cookies are added when the answer begins, so that its handler cannot drop them."""

    async def bringing(message: Message) -> None:
        if message["type"] in _STARTS:
            headers = [
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in message.get("headers", ())
            ]
            message = {**message, "headers": _to_bytes(jar.applied(headers))}
        await send(message)

    return bringing


def _to_bytes(headers: Sequence[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
