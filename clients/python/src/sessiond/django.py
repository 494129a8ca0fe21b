"""Sessions for Django, under WSGI and ASGI.

    MIDDLEWARE = ["sessiond.django.SessionMiddleware", ...]
    SESSIOND = {"target": "127.0.0.1:50051"}

    @require(scopes=["orders:read"])
    def orders(request): return JsonResponse({"for": request.sessiond.principal})

A view that says nothing needs a good token. The session is `request.sessiond`, and `current_session()`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import wraps
from http.cookies import Morsel
from itertools import chain
from typing import Any, Final, TypeVar, Unpack, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse

from sessiond import asgi
from sessiond.blocking import Client
from sessiond.browsing.jar import Jar
from sessiond.client import AsyncClient
from sessiond.consistency import Consistency
from sessiond.current import current_session, enter, serving
from sessiond.doors import AsyncDoor, Door, keeping
from sessiond.middleware import rules, wsgi
from sessiond.middleware.denials import Denial
from sessiond.middleware.gate import Admission
from sessiond.middleware.http import Answer, Denied
from sessiond.middleware.marks import RuleNotAppliedError, mark, said
from sessiond.middleware.request import Request
from sessiond.middleware.routes import Routes
from sessiond.middleware.rules import PUBLIC, Rule
from sessiond.policy import Policy, Requirements

__all__ = [
    "PUBLIC",
    "Answer",
    "Denied",
    "SessionMiddleware",
    "current_session",
    "optional",
    "public",
    "require",
]

View = TypeVar("View", bound=Callable[..., Any])
_OWN: Final = frozenset({"target", "client", "client_options", "async_client", "default", "routes"})
_CHALLENGE: Final = "WWW-Authenticate"
_GOOD_TOKEN: Final = rules.require()


class SessionMiddleware:
    """Lets nothing through to a view but by its rule; put it before all other middleware that knows users.

    `settings.SESSIOND` has `target`, and `client_options` for the client that is made for it; or `client`, a
    `Client`, and `async_client`, which makes an `AsyncClient`, for the one and for the other world; or sites
    in their place (`browser.Browser`, `browser.AsyncBrowser`). `default` is the rule of views that say
    nothing, and `routes` has rules by `[METHOD ]/path` for those that cannot be decorated: a path with a
    slash at its end has all below it. Beside these it has `HttpOptions`; `certificate` and `render` are given
    Django's request.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        given: Mapping[str, Any] = getattr(settings, "SESSIOND", {})
        self._get_response: Final = get_response
        self._routes: Final = Routes(given.get("routes", {}), given.get("default", _GOOD_TOKEN))
        options = {name: given[name] for name in given.keys() - _OWN}
        self.process_view: Callable[..., Any]
        if iscoroutinefunction(get_response):
            self._async_door: Final = AsyncDoor(_async_client(given), **options)
            self.process_view = self._process_view_async
            markcoroutinefunction(self)
        else:
            self._door: Final = Door(_client(given), **options)
            self.process_view = self._process_view

    def __call__(self, request: HttpRequest) -> Any:
        """Serve one request, as Django calls it."""
        if iscoroutinefunction(self):
            return self._serve(request)
        jar = _begin(request, self._door)
        with serving(None), keeping(jar):
            return _bringing(jar, self._get_response(request))

    async def _serve(self, request: HttpRequest) -> Any:
        jar = _begin(request, self._async_door)
        with serving(None), keeping(jar):
            return _bringing(jar, await cast("Awaitable[Any]", self._get_response(request)))

    def _process_view(self, request: HttpRequest, view: Any, _: Any, __: Any) -> HttpResponse | None:
        for rule in self._rules(request, view):
            asked = _to_request(request, self._door)
            admission = self._door.admit(asked, rule, request.sessiond_jar)
            if (refused := _enter(request, admission, self._door)) is not None:
                return refused
        return None

    async def _process_view_async(
        self, request: HttpRequest, view: Any, _: Any, __: Any
    ) -> HttpResponse | None:
        for rule in self._rules(request, view):
            asked = _to_request(request, self._async_door)
            admission = await self._async_door.admit(asked, rule, request.sessiond_jar)
            if (refused := _enter(request, admission, self._async_door)) is not None:
                return refused
        return None

    def _rules(self, request: HttpRequest, view: Any) -> tuple[Rule, ...]:
        found = self._routes.with_marks(request.method, request.path_info, said(view))
        request.sessiond, request.sessiond_rules = None, found
        return found


def _begin(request: HttpRequest, door: Door | AsyncDoor) -> Jar | None:
    jar = door.begin(lambda: _to_request(request, door))
    request.sessiond_jar = jar
    return jar


def _enter(request: HttpRequest, admission: Admission, door: Door | AsyncDoor) -> HttpResponse | None:
    """Have a view know the session; what a request is told that is denied."""
    if isinstance(admission, Denial):
        route = getattr(request.resolver_match, "route", "")
        return _Response(door.refuse(admission, request, route))
    if admission is not None:
        request.sessiond = admission
        enter(admission)
    return None


def _to_request(request: HttpRequest, door: Door | AsyncDoor) -> Request:
    def certificate() -> bytes | None:
        return door.certificate(request)

    scope = getattr(request, "scope", None)
    if scope is None:
        return wsgi.to_request(request.META, certificate)
    return asgi.to_request(scope, certificate)


def require(
    policy: Policy | None = None,
    *,
    consistency: Consistency | None = None,
    **requirements: Unpack[Requirements],
) -> Callable[[View], View]:
    """A view for a token that fulfils a policy, or the same in keywords; without any a good token will do."""
    return _decorator(rules.require(policy, consistency=consistency, **requirements))


def optional(
    policy: Policy | None = None,
    *,
    consistency: Consistency | None = None,
    **requirements: Unpack[Requirements],
) -> Callable[[View], View]:
    """As `require`, and for who has no token, too. A token that is not good is denied all the same."""
    return _decorator(rules.optional(policy, consistency=consistency, **requirements))


def public(view: View) -> View:
    """A view that needs no token."""
    return mark(view, view, PUBLIC)


def _decorator(rule: Rule) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: Any, *arguments: Any, **named: Any) -> Any:
            # In an asynchronous view this gives what is to be awaited.
            if rule not in getattr(request, "sessiond_rules", ()):
                raise RuleNotAppliedError("sessiond.django.SessionMiddleware in MIDDLEWARE")
            return view(request, *arguments, **named)

        if iscoroutinefunction(view):
            markcoroutinefunction(guarded)
        return mark(cast("View", guarded), view, rule)

    return decorate


def _client(given: Mapping[str, Any]) -> Any:
    return given.get("client") or Client(_target(given), **given.get("client_options", {}))


def _async_client(given: Mapping[str, Any]) -> Any:
    if "async_client" in given:
        return given["async_client"]
    target, options = _target(given), given.get("client_options", {})
    return lambda: AsyncClient(target, **options)


def _target(given: Mapping[str, Any]) -> str:
    if "target" not in given:
        raise ImproperlyConfigured("SESSIOND: there is no target, such as 127.0.0.1:50051")
    target: str = given["target"]
    return target


def _bringing(jar: Jar | None, response: HttpResponse) -> HttpResponse:
    """Cookies are added last, so that a view cannot drop them."""
    if jar is None:
        return response
    headers = jar.applied(list(response.headers.items()))
    for name in ("Vary", "Cache-Control"):
        told = [value for given, value in headers if given.lower() == name.lower()]
        if told:
            response[name] = ", ".join(told)
    for line in jar.lines or ():
        name, _, value = line.partition("=")
        # As it is, where Django would have its own attributes and order.
        dict.__setitem__(response.cookies, name, _Line(name, value))
    return response


class _Line(Morsel[str]):
    """A cookie that Django sends as it is."""

    def __init__(self, name: str, line: str) -> None:
        super().__init__()
        self.set(name, line.partition(";")[0], line)

    def output(self, attrs: Any = None, header: str = "Set-Cookie:") -> str:
        """The header."""
        del attrs
        return f"{header} {self.key}={self.coded_value}".strip()


class _Response(HttpResponse):  # type: ignore[misc]
    """Has several challenges, each in a header of its own: Django has one value for a name."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.body, status=answer.status)
        self._challenges = [one for one in answer.headers if one[0] == _CHALLENGE]
        for name, value in answer.headers:
            if name != _CHALLENGE:
                self[name] = value

    def items(self) -> Iterator[tuple[str, str]]:
        """The headers that Django sends."""
        return chain(super().items(), self._challenges)
