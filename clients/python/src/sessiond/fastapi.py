"""Sessions for FastAPI: what a route requires is a dependency, and is shown in OpenAPI.

    app = FastAPI()
    protect(app, lambda: AsyncClient("127.0.0.1:50051"))

    @app.get("/orders")
    async def orders(session: Annotated[Session, Depends(require(scopes=["orders:read"]))]): ...

A route that says nothing needs a good token, whose session is `current_session()`.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from inspect import Parameter, Signature
from types import MappingProxyType
from typing import Any, Final, Unpack

from fastapi import APIRouter, Depends, FastAPI, Security
from fastapi.dependencies.models import Dependant
from fastapi.openapi.models import HTTPBearer
from fastapi.routing import APIRoute, APIWebSocketRoute
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute, Match

from sessiond.asgi import App, AsyncValidator, Doorway, Receive, Scope, Send
from sessiond.consistency import Consistency
from sessiond.current import current_session, enter
from sessiond.doors import AsyncDoor, AsyncSource
from sessiond.middleware import rules
from sessiond.middleware.denials import Denial
from sessiond.middleware.http import Answer, Denied, HttpOptions
from sessiond.middleware.routes import Routes
from sessiond.middleware.rules import PUBLIC, Rule
from sessiond.policy import Policy, Requirements
from sessiond.results import Session

__all__ = [
    "PUBLIC",
    "Answer",
    "AsyncValidator",
    "Denied",
    "current_session",
    "optional",
    "protect",
    "public",
    "require",
]

_NO_RULES: Final[Mapping[str, Rule]] = MappingProxyType({})
_GOOD_TOKEN: Final = rules.require()
# What is written into the scope of a connection.
_GUARD: Final = "sessiond.guard"
_DOORWAY: Final = "sessiond.doorway"
_NAMED: Final = "sessiond.named"
_ADMITTED: Final = "sessiond.admitted"


def protect(
    app: FastAPI,
    client: AsyncSource,
    *,
    default: Rule = _GOOD_TOKEN,
    routes: Mapping[str, Rule] = _NO_RULES,
    **options: Unpack[HttpOptions],
) -> None:
    """Let nothing through to an application but by the rules of its routes; call it before there are any.

    What is no route of FastAPI, such as `/docs` or a mounted application, is named in `routes`, or has the
    rule `default`. `client` and the options are those of `asgi.SessionMiddleware`. Middleware that is added
    later is outside of this: `CORSMiddleware` has to be, to answer preflights.

    Raises:
        RuntimeError: the application has routes already, which would not be guarded.
    """
    if any(not _is_documentation(route, app) for route in app.routes):
        raise RuntimeError("call protect before the application has routes")
    guard = _Guard(AsyncDoor(client, **options), default)
    app.router.dependencies.append(Depends(guard))
    app.add_exception_handler(_DeniedError, _tell)
    app.add_middleware(_Middleware, guard=guard, router=app.router, routes=Routes(routes, default))


class _Dependency:
    """What a route requires; FastAPI reads its signature, which has the scopes for OpenAPI."""

    def __init__(self, rule: Rule) -> None:
        self.rule: Final = rule
        shown = Security(_SCHEME, scopes=list(rule.policy.scopes)) if rule is not PUBLIC else None
        connection = Parameter("connection", Parameter.KEYWORD_ONLY, annotation=HTTPConnection)
        scheme = Parameter("scheme", Parameter.KEYWORD_ONLY, annotation=Any, default=shown)
        self.__signature__ = Signature([connection] if shown is None else [connection, scheme])

    async def __call__(self, *, connection: HTTPConnection, **_: Any) -> Session | None:
        """The session, None where there need be none."""
        guard: _Guard | None = connection.scope.get(_GUARD)
        if guard is None:
            raise RuntimeError("nothing is protected: call protect with the application first")
        return await guard.admit(connection.scope, self.rule)


class _Scheme(SecurityBase):
    """Shown in OpenAPI; what it shows is carried out elsewhere."""

    def __init__(self) -> None:
        self.model = HTTPBearer()
        self.scheme_name = "sessiond"

    async def __call__(self) -> None: ...


_SCHEME: Final = _Scheme()


def require(
    policy: Policy | None = None,
    *,
    consistency: Consistency | None = None,
    **requirements: Unpack[Requirements],
) -> _Dependency:
    """A dependency that gives the session of a token that fulfils a policy, or the same in keywords.

    Without any a good token will do. It is for routes, and for routers, whose routes have to fulfil it beside
    their own.
    """
    return _Dependency(rules.require(policy, consistency=consistency, **requirements))


def optional(
    policy: Policy | None = None,
    *,
    consistency: Consistency | None = None,
    **requirements: Unpack[Requirements],
) -> _Dependency:
    """As `require`, and None for who has no token. A token that is not good is denied all the same."""
    return _Dependency(rules.optional(policy, consistency=consistency, **requirements))


# For routes that need no token: `dependencies=[Depends(public)]`.
public: Final = _Dependency(PUBLIC)


class _Guard:
    """The first dependency of every route: it carries out what the others say, before any of them runs."""

    def __init__(self, door: AsyncDoor, default: Rule) -> None:
        self.door: Final = door
        self.default: Final = default

    async def __call__(self, connection: HTTPConnection) -> None:
        """Let a request through to the route's dependencies."""
        scope = connection.scope
        if scope.get(_NAMED):
            return
        overridden = scope["app"].dependency_overrides
        said = list(_said(scope["route"].dependant, overridden)) or [self.default]
        for rule in said:
            await self.admit(scope, rule)

    async def admit(self, scope: Scope, rule: Rule) -> Session | None:
        """The session by a rule, which is asked for once.

        Raises:
            _DeniedError: the request does not get through.
        """
        admitted: dict[Rule, Session | None] = scope[_ADMITTED]
        if rule not in admitted:
            doorway: Doorway = scope[_DOORWAY]
            admission = await doorway.admit(scope, rule)
            if isinstance(admission, Denial):
                raise _DeniedError(doorway, admission)
            admitted[rule] = admission
        session = admitted[rule]
        if session is not None:
            scope["sessiond"] = session
            enter(session)
        return session


class _DeniedError(Exception):
    def __init__(self, doorway: Doorway, denial: Denial) -> None:
        super().__init__(denial.reason)
        self.doorway = doorway
        self.denial = denial


async def _tell(_: HTTPConnection, error: Exception) -> Any:
    """What answers a request that was denied, in the place of a response."""
    assert isinstance(error, _DeniedError)  # noqa: S101 - it is the handler of these alone
    return partial(error.doorway.refuse, error.denial)


class _Middleware(Doorway):
    """Decides on what no guard stands before."""

    def __init__(self, app: App, *, guard: _Guard, router: APIRouter, routes: Routes) -> None:
        super().__init__(app, guard.door, routes)
        self._guard: Final = guard
        self._router: Final = router

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        # All of it is said anew where one application is within another: the scope is the same.
        scope[_GUARD], scope[_DOORWAY], scope[_ADMITTED] = self._guard, self, {}
        await super().__call__(scope, receive, send)

    def _find(self, scope: Scope) -> Rule:
        rule = super()._find(scope)
        scope[_NAMED] = rule is not self._guard.default or not self._leads_to_guard(scope)
        return rule if scope[_NAMED] else PUBLIC

    def _leads_to_guard(self, scope: Scope) -> bool:
        for route in self._router.routes:
            if route.matches(dict(scope))[0] is Match.FULL:
                return _is_guarded(route, self._guard)
        return False


def _is_guarded(route: BaseRoute, guard: _Guard) -> bool:
    """Whether a guard is sure to stand before whatever a route leads to."""
    if isinstance(route, APIRoute | APIWebSocketRoute):
        return any(one.call is guard for one in route.dependant.dependencies)
    # Newer versions keep an included router as one route.
    router = getattr(route, "original_router", None)
    included = getattr(getattr(route, "include_context", None), "dependencies", ())
    if not isinstance(router, APIRouter) or all(one.dependency is not guard for one in included):
        return False
    return all(isinstance(one, APIRoute | APIWebSocketRoute) for one in router.routes)


def _said(
    dependant: Dependant, overridden: Mapping[Callable[..., Any], Callable[..., Any]]
) -> Iterator[Rule]:
    """What dependencies of a route say; those that a test has put something in the place of say nothing."""
    for one in dependant.dependencies:
        if isinstance(one.call, _Dependency):
            yield PUBLIC if one.call in overridden else one.call.rule
        yield from _said(one, overridden)


def _is_documentation(route: BaseRoute, app: FastAPI) -> bool:
    own = {app.openapi_url, app.docs_url, app.redoc_url, app.swagger_ui_oauth2_redirect_url}
    return getattr(route, "path", None) in own
