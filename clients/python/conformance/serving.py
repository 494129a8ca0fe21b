"""Backends over the client of a case, with the middleware that the testee was started for."""

from __future__ import annotations

import itertools
import json
import logging
import threading
from collections.abc import Callable
from typing import Any

from arguments import question_of
from outcomes import plain

from sessiond import UnavailableError, current_session
from sessiond.browser import CrossSiteError
from sessiond.middleware.rules import PUBLIC, Rule, optional, require

JsonObject = dict[str, Any]

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
_OPTIONS = ("cookie", "trusted_origins", "allow_missing_origin", "dpop_origin")
# What only an operator can mend is of no interest here.
QUIET = logging.getLogger("of-backends")
QUIET.disabled = True


class Handled:
    """Counts the requests that have come to any handler of a backend, and says what each has found."""

    def __init__(self) -> None:
        self._count, self._lock = itertools.count(1), threading.Lock()

    def told(self, **more: Any) -> JsonObject:
        """What a handler answers."""
        session = current_session()
        with self._lock:
            number = next(self._count)
        return {"session": None if session is None else plain(session), "handled": number, **more}

    def text(self, **more: Any) -> str:
        """The same as JSON."""
        return json.dumps(self.told(**more))


def options_of(command: JsonObject) -> JsonObject:
    """The options of middleware for HTTP."""
    return {name: command[name] for name in _OPTIONS if name in command} | {"logger": QUIET}


def site_of(make: Any, client: Any, command: JsonObject) -> Any:
    """What keeps the sessions of browsers, or the client itself where the case has none; and its options."""
    if "browser" not in command:
        return client, options_of(command)
    said = command["browser"]
    named = {"development": "development", "split": "split_cookies", "refresh_path": "refresh_path"}
    style = {option: said[name] for name, option in named.items() if name in said}
    return make(client, **style, **options_of(command)), {}


def status_of(error: Exception | None) -> int:
    """What a login and a logout are answered with."""
    match error:
        case None:
            return 200
        case CrossSiteError():
            return 403
        case UnavailableError():
            return 503
        case _:
            return 500


def rule_of(said: JsonObject) -> Rule:
    """What is required of a route or of a method."""
    rule: Rule = _made(said, PUBLIC, require, optional)
    return rule


def mark_of(framework: Any, said: JsonObject) -> Any:
    """The same as a framework's module has it for one route: a decorator or a dependency."""
    return _made(said, framework.public, framework.require, framework.optional)


def _made(said: JsonObject, public: Any, required: Callable[..., Any], optional: Callable[..., Any]) -> Any:
    match said.get("access", "required"):
        case "public":
            return public
        case "optional":
            return optional(**question_of(said))
        case _:
            return required(**question_of(said))


def routes_of(command: JsonObject) -> tuple[dict[str, Rule], Rule]:
    """The rules by path, and that of all others."""
    if "protects" in command:
        return {route["path"]: PUBLIC for route in command["routes"]}, rule_of(command["protects"])
    return {route["path"]: rule_of(route) for route in command["routes"]}, require()


def marks_of(framework: Any, command: JsonObject) -> tuple[JsonObject, JsonObject]:
    """What each route has of its own, and what is protected as a whole, as arguments of `protect`."""
    if "protects" in command:
        routes, default = routes_of(command)
        return {}, {"routes": routes, "default": default}
    return {route["path"]: mark_of(framework, route) for route in command["routes"]}, {}
