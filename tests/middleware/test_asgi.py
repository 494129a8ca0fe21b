import asyncio
from typing import Any

import pytest

from sessiond import NextAction, Policy, Reason, Rejection, current_session
from sessiond.asgi import PUBLIC, SessionMiddleware, optional, require
from tests.support.middleware.answers import ask_asgi, http_scope, run_asgi
from tests.support.middleware.validators import Scripted

EXPIRED = Rejection(Reason.EXPIRED, "-", NextAction.REFRESH, "Bearer x")
BEARER = [("Authorization", "Bearer a.b.c")]
ROUTES = {"GET /healthz": PUBLIC, "/assets/": PUBLIC}


async def told(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": repr(current_session() is None).encode()})


def protected(gives: Any = None, **options: Any) -> Any:
    return SessionMiddleware(told, Scripted(gives).on_asyncio(), **options)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("HEAD", "/healthz", 200),
        ("POST", "/healthz", 401),
        ("GET", "/healthz/", 401),
        ("GET", "/HEALTHZ", 401),
        ("GET", "/", 401),
        ("GET", "/orders", 401),
        ("GET", "/assets/app.js", 200),
        ("GET", "/assets/", 200),
        ("GET", "/assets", 401),
        ("GET", "//assets/app.js", 401),
        ("GET", "/assets/../orders", 401),
        ("GET", "/assets/./app.js", 401),
        ("GET", "/assets//orders", 401),
        ("GET", "/assets/..", 401),
        ("OPTIONS", "*", 401),
    ],
)
async def test_what_is_public_is_public_by_name_alone(method: Any, path: Any, status: Any) -> None:
    assert (await ask_asgi(protected(routes=ROUTES), method=method, path=path)).status == status


async def test_the_longest_path_decides_and_then_the_method() -> None:
    asked = Scripted()
    rules = {
        "/": require(scopes=["any"]),
        "/orders/": require(scopes=["orders"]),
        "/orders/new": require(scopes=["new"]),
        "POST /orders/new": require(scopes=["post"]),
        "/feed": optional(),
    }
    app = SessionMiddleware(told, asked.on_asyncio(), routes=rules)
    for method, path in [
        ("GET", "/x"),
        ("GET", "/orders/1"),
        ("GET", "/orders/new"),
        ("POST", "/orders/new"),
    ]:
        assert (await ask_asgi(app, BEARER, method, path)).status == 200
    assert [policy.scopes for policy in asked.policies] == [("any",), ("orders",), ("new",), ("post",)]


async def test_a_path_that_could_mean_another_one_has_the_rule_of_none(caplog: Any) -> None:
    routes = {"/admin/": require(scopes=["admin"])}
    for path in ("/x/../admin/", "//admin/"):
        assert (await ask_asgi(protected(routes=routes), BEARER, path=path)).status == 403
    assert "nothing says who may do this" in caplog.text


async def test_the_path_within_the_application_counts() -> None:
    app = protected(routes=ROUTES)
    scope = {**http_scope([], "/api/healthz"), "type": "http", "method": "GET", "root_path": "/api"}
    assert (await run_asgi(app, scope))[0]["status"] == 200
    scope = {**scope, "path": "/apihealthz"}
    assert (await run_asgi(app, scope))[0]["status"] == 401


async def test_a_websocket_is_told_by_the_answer_of_its_handshake_or_closed() -> None:
    app = protected(EXPIRED)
    scope = {**http_scope(BEARER, "/feed"), "type": "websocket"}
    connect = {"type": "websocket.connect"}
    assert await run_asgi(app, scope, connect) == [
        {"type": "websocket.close", "code": 1008, "reason": "EXPIRED"}
    ]
    able = {**scope, "extensions": {"websocket.http.response": {}}}
    start, body = await run_asgi(app, able, connect)
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 401)
    assert (b"www-authenticate", b"Bearer x") in start["headers"]
    assert body["type"] == "websocket.http.response.body"


@pytest.mark.parametrize("site", ["cross-site", "same-site", ""])
async def test_a_websocket_with_a_cookie_has_to_say_where_it_comes_from(site: Any) -> None:
    headers = [("Cookie", "session=a"), *([("Sec-Fetch-Site", site)] if site else [])]
    scope = {**http_scope(headers, "/feed"), "type": "websocket"}
    (closed,) = await run_asgi(protected(cookie="session"), scope, {"type": "websocket.connect"})
    assert closed["reason"] == "CROSS_SITE"


async def test_a_websocket_gets_through_with_its_session() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept", "subject": current_session().subject})

    scope = {**http_scope(BEARER, "/feed"), "type": "websocket"}
    behind = SessionMiddleware(app, Scripted().on_asyncio())
    assert await run_asgi(behind, scope, {"type": "websocket.connect"}) == [
        {"type": "websocket.accept", "subject": "alice"}
    ]


class Closing:
    def __init__(self, made: Any) -> None:
        self.is_closed = False
        made.append(self)

    async def validate(self, *asked: Any, **options: Any) -> Any:
        return Scripted().validate(*asked, **options)

    async def close(self) -> None:
        self.is_closed = True


def test_each_loop_has_a_client_of_its_own_which_is_closed_with_the_server() -> None:
    made = []
    app = SessionMiddleware(lifespan_or(told), lambda: Closing(made))

    async def serve() -> None:
        for _ in range(2):
            assert (await ask_asgi(app, BEARER)).status == 200
        sent = await run_asgi(app, {"type": "lifespan"}, *({"type": f"lifespan.{what}"} for what in SPAN))
        assert [one["type"] for one in sent] == [f"lifespan.{what}.complete" for what in SPAN]

    for _ in range(2):
        asyncio.run(serve())
    assert [one.is_closed for one in made] == [True, True]


SPAN = ("startup", "shutdown")


def lifespan_or(app: Any) -> Any:
    async def either(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return
        for _ in SPAN:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})

    return either


async def test_who_leaves_while_somebody_is_asked_is_let_go() -> None:
    class Never:
        async def validate(self, *_: Any, **__: Any) -> None:
            await asyncio.Event().wait()

    task = asyncio.ensure_future(ask_asgi(SessionMiddleware(told, Never()), BEARER))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    ("mistake", "found"),
    [
        (lambda: protected(routes={"healthz": PUBLIC}), "routes: found 'healthz'"),
        (lambda: protected(trusted_origins=["app.example"]), "trusted_origins: found 'app.example'"),
        (lambda: protected(dpop_origin="https://api.example/"), "dpop_origin: found 'https://api.example/'"),
        (lambda: protected(cookie="a b"), "cookie: found 'a b'"),
        (lambda: require(scopes=["a b"]), "scopes: found 'a b'"),
        (lambda: require(scopes=['a"']), "scopes: found 'a\"'"),
        (lambda: optional(scopes=[""]), "scopes: found ''"),
    ],
)
def test_mistakes_of_the_program_are_found_before_a_request_is(mistake: Any, found: Any) -> None:
    with pytest.raises(ValueError, match=found):
        mistake()


@pytest.mark.parametrize(
    "mistake",
    [
        lambda: protected(cookies="session"),
        lambda: require(required_scopes=["a"]),
        lambda: require(Policy(), scopes=["a"]),
        lambda: require(consistency="strict"),
    ],
)
def test_what_is_not_known_is_a_type_error(mistake: Any) -> None:
    with pytest.raises(TypeError):
        mistake()
