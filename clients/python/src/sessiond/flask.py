"""Sessions for Flask.

    app = Flask(__name__)
    protect(app, Client("127.0.0.1:50051"))

    @app.get("/orders")
    @require(scopes=["orders:read"])
    def orders(): return {"for": current_session().principal}

A view that says nothing needs a good token.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from types import MappingProxyType
from typing import Any, Final, TypeVar, Unpack, cast

from flask import Flask, Response, current_app, g, request

from sessiond.browsing.jar import CURRENT, Jar
from sessiond.consistency import Consistency
from sessiond.current import current_session, enter
from sessiond.doors import Door, Source
from sessiond.middleware import rules, wsgi
from sessiond.middleware.denials import Denial
from sessiond.middleware.gate import Validator
from sessiond.middleware.http import Answer, Denied, HttpOptions
from sessiond.middleware.marks import RuleNotAppliedError, mark, said
from sessiond.middleware.routes import Routes
from sessiond.middleware.rules import PUBLIC, Rule
from sessiond.policy import Policy, Requirements

__all__ = [
    "PUBLIC",
    "Answer",
    "Denied",
    "Validator",
    "current_session",
    "optional",
    "protect",
    "public",
    "require",
]

View = TypeVar("View", bound=Callable[..., Any])
_NO_RULES: Final[Mapping[str, Rule]] = MappingProxyType({})
_GOOD_TOKEN: Final = rules.require()


def protect(
    app: Flask,
    client: Source,
    *,
    default: Rule = _GOOD_TOKEN,
    routes: Mapping[str, Rule] = _NO_RULES,
    **options: Unpack[HttpOptions],
) -> None:
    """Let nothing through to an application but by the rules of its views; call it before all other hooks.

    `routes` has rules by `[METHOD ]/path` for what cannot be decorated, such as `/static/`: a path with a
    slash at its end has all below it. `default` is the rule of what says nothing, and of what is not found.
    `client` is a `Client` or a site (`browser.Browser`). `HttpOptions` has the other options; `certificate`
    and `render` are given Flask's request.
    """
    door, by_path = Door(client, **options), Routes(routes, default)

    @app.before_request
    def admit() -> Response | None:
        asked = wsgi.to_request(request.environ, lambda: door.certificate(request))
        jar = g.sessiond_jar = door.begin(lambda: asked)
        CURRENT.set(jar)
        g.sessiond_rules = found = _rules(by_path)
        for rule in found:
            admission = door.admit(asked, rule, jar)
            if isinstance(admission, Denial):
                return _to_response(door.refuse(admission, request, request.endpoint or ""))
            if admission is not None:
                enter(admission)
        return None

    @app.after_request
    def bring(response: Response) -> Response:
        jar: Jar | None = g.get("sessiond_jar")
        return response if jar is None else _with_headers(response, jar.applied(list(response.headers)))

    @app.teardown_request
    def forget(_: BaseException | None) -> None:
        enter(None)
        CURRENT.set(None)


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
        def guarded(*arguments: Any, **named: Any) -> Any:
            if rule not in g.get("sessiond_rules", ()):
                raise RuleNotAppliedError("protect(app, client)")
            return current_app.ensure_sync(view)(*arguments, **named)

        return mark(cast("View", guarded), view, rule)

    return decorate


def _rules(by_path: Routes) -> tuple[Rule, ...]:
    view = current_app.view_functions.get(request.endpoint or "")
    # Flask's own path has lost what stands twice at its beginning.
    path: str = request.environ["PATH_INFO"]
    return by_path.with_marks(request.method, path, said(view))


def _to_response(answer: Answer) -> Response:
    return _with_headers(Response(answer.body, answer.status), answer.headers)


def _with_headers(response: Response, headers: Sequence[tuple[str, str]]) -> Response:
    response.headers.clear()
    for name, value in headers:
        response.headers.add(name, value)
    return response
