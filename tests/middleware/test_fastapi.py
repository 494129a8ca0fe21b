from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Body, Depends, FastAPI, WebSocket
from starlette.responses import PlainTextResponse

from sessiond import NextAction, Reason, Rejection, Session, current_session
from sessiond.fastapi import PUBLIC, optional, protect, public, require
from tests.support.middleware.answers import ask_asgi, http_scope, run_asgi
from tests.support.middleware.validators import Scripted

BEARER = [("Authorization", "Bearer a.b.c")]
EXPIRED = Rejection(Reason.EXPIRED, "-", NextAction.REFRESH, "Bearer x")
Orders = Annotated[Session, Depends(require(scopes=["orders:read"]))]


def application(asked: Any = None, **options: Any) -> Any:
    app = FastAPI()
    protect(app, (asked or Scripted()).on_asyncio, **options)
    return app


async def test_what_a_route_requires_is_shown_in_openapi() -> None:
    app = application(routes={"/openapi.json": PUBLIC})

    @app.get("/orders")
    async def orders(session: Orders) -> None: ...

    @app.get("/healthz", dependencies=[Depends(public)])
    async def healthz() -> None: ...

    shown = (await ask_asgi(app, path="/openapi.json")).json
    assert shown["paths"]["/orders"]["get"]["security"] == [{"sessiond": ["orders:read"]}]
    assert "parameters" not in shown["paths"]["/orders"]["get"]
    assert "security" not in shown["paths"]["/healthz"]["get"]
    assert shown["components"]["securitySchemes"] == {"sessiond": {"type": "http", "scheme": "bearer"}}


async def test_what_is_no_route_of_fastapi_is_protected_too() -> None:
    app = application(routes={"/static/": PUBLIC})
    app.mount("/static", PlainTextResponse("static"))
    app.mount("/mounted", PlainTextResponse("mounted"))
    found = {}
    for path in ("/docs", "/openapi.json", "/mounted/x", "/static/x", "/no-such-thing"):
        found[path] = (await ask_asgi(app, path=path)).status
    assert found == {
        "/docs": 401,
        "/openapi.json": 401,
        "/mounted/x": 401,
        "/static/x": 200,
        "/no-such-thing": 401,
    }


async def test_a_protected_application_within_another_one_has_its_own_rules() -> None:
    outer, inner = application(routes={"/inner/": PUBLIC}), application()

    @inner.get("/silent")
    async def silent() -> str:
        return current_session().subject

    outer.mount("/inner", inner)
    assert (await ask_asgi(outer, path="/inner/silent")).status == 401
    assert (await ask_asgi(outer, BEARER, path="/inner/silent")).json == "alice"


async def test_routes_of_an_included_router_have_their_own_rules_and_those_of_the_router() -> None:
    asked = Scripted()
    app, router, plain = (
        application(asked),
        APIRouter(dependencies=[Depends(require(scopes=["router"]))]),
        APIRouter(),
    )

    @router.get("/orders")
    async def orders(session: Orders) -> str:
        return session.subject

    @router.get("/silent")
    async def silent() -> str:
        return current_session().subject

    @plain.get("/optional")
    async def maybe(session: Annotated[Session | None, Depends(optional())]) -> str:
        return "nobody" if session is None else session.subject

    @plain.get("/plain")
    async def of_plain() -> None: ...

    app.include_router(router, prefix="/v1")
    plain_above = APIRouter()
    plain_above.include_router(plain, prefix="/below")
    app.include_router(plain_above)
    assert (await ask_asgi(app, BEARER, path="/v1/orders")).json == "alice"
    assert {policy.scopes for policy in asked.policies} >= {("router",), ("orders:read",)}
    asked.policies.clear()
    assert (await ask_asgi(app, BEARER, path="/v1/silent")).json == "alice"
    assert ("router",) in {policy.scopes for policy in asked.policies}
    for path in ("/v1/orders", "/v1/silent", "/below/plain"):
        assert (await ask_asgi(app, path=path)).status == 401


async def test_a_router_with_something_else_in_it_needs_a_good_token() -> None:
    app, router = application(), APIRouter()
    router.add_route("/plain", lambda request: PlainTextResponse("plain"))
    app.include_router(router)
    assert (await ask_asgi(app, path="/plain")).status == 401
    assert (await ask_asgi(app, BEARER, path="/plain")).status == 200


async def test_a_router_without_the_guard_needs_a_good_token() -> None:
    app, router = application(), APIRouter()

    @router.get("/orders")
    async def orders() -> None: ...

    app.router.dependencies.clear()
    app.include_router(router)
    assert (await ask_asgi(app)).status == 401


async def test_one_rule_is_asked_for_once() -> None:
    asked = Scripted()
    app = application(asked)

    @app.get("/orders")
    async def orders(session: Orders, again: Orders) -> None: ...

    await ask_asgi(app, BEARER)
    assert asked.tokens == ["a.b.c"]


async def test_a_websocket_is_refused_before_it_opens() -> None:
    app = application(Scripted(EXPIRED))

    @app.websocket("/feed")
    async def feed(socket: WebSocket, session: Orders) -> None:
        await socket.accept()

    scope = {**http_scope(BEARER, "/feed"), "type": "websocket", "subprotocols": []}
    assert await run_asgi(app, scope, {"type": "websocket.connect"}) == [
        {"type": "websocket.close", "code": 1008, "reason": "EXPIRED"}
    ]


async def test_a_websocket_gets_through_with_its_session() -> None:
    app = application()

    @app.websocket("/feed")
    async def feed(socket: WebSocket, session: Orders) -> None:
        await socket.accept(subprotocol=f"{session.subject}-{current_session().subject}")

    scope = {**http_scope(BEARER, "/feed"), "type": "websocket", "subprotocols": []}
    accepted, *_ = await run_asgi(app, scope, {"type": "websocket.connect"})
    assert accepted["subprotocol"] == "alice-alice"


async def test_a_test_may_put_a_session_in_the_place_of_a_dependency() -> None:
    app, needed = application(Scripted(EXPIRED)), require(scopes=["orders:read"])

    @app.get("/orders")
    async def orders(session: Annotated[Session, Depends(needed)]) -> str:
        return session.subject

    app.dependency_overrides[needed] = lambda: Session.example("bob")
    assert (await ask_asgi(app)).json == "bob"


async def test_what_was_not_protected_lets_nobody_through() -> None:
    app = FastAPI()

    @app.get("/orders")
    async def orders(session: Orders) -> None: ...

    with pytest.raises(RuntimeError, match="call protect"):
        await ask_asgi(app, BEARER)
    with pytest.raises(RuntimeError, match="before the application has routes"):
        protect(app, Scripted().on_asyncio)


async def test_who_may_not_get_through_is_told_before_the_parameters_are_judged() -> None:
    app = application()

    @app.post("/orders")
    async def orders(session: Orders, count: Annotated[int, Body()]) -> None: ...

    assert (await ask_asgi(app, method="POST")).status == 401
