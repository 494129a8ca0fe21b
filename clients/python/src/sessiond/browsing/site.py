"""What the sites of both worlds have: how cookies are made, and what is done for each request."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, Unpack

import grpc

from sessiond.browsing.decide import Change, Decision, Outcome, Presented
from sessiond.browsing.errors import AnswerBegunError, CookieTooLargeError, CrossSiteError
from sessiond.browsing.jar import CURRENT, Jar
from sessiond.browsing.style import Style
from sessiond.browsing.texts import is_same_session, readable, self_reference
from sessiond.errors import Details, InvalidArgumentError
from sessiond.middleware.credentials import (
    Credential,
    InvalidRequestError,
    Scheme,
    from_authorization,
    is_token68,
)
from sessiond.middleware.denials import Denial, Kind
from sessiond.middleware.gate import Admission, Question
from sessiond.middleware.http import HttpGate, HttpOptions, SentBack
from sessiond.middleware.request import Request
from sessiond.middleware.rules import Rule
from sessiond.requests import Bearer
from sessiond.results import Device, Session, Tokens

_NO_PATH: Final = frozenset(';,"\\?#%')


class Site:
    """Its two kinds are `sessiond.browser.Browser` and `AsyncBrowser`, which say what the arguments are."""

    def __init__(
        self,
        *,
        development: bool = False,
        split_cookies: bool = False,
        refresh_path: str = "",
        device: Callable[[Request], Device] | None = None,
        **options: Unpack[HttpOptions],
    ) -> None:
        if options.get("cookie"):
            raise ValueError(
                f"cookie: found {options['cookie']!r}, allowed is none: a browser's have names of their own"
            )
        _require_path(refresh_path)
        self.style: Final = Style(development, refresh_path, split_cookies)
        self.gate: Final = HttpGate(**options)
        self._device: Final = device or _by_user_agent
        self._now: Callable[[], datetime] = lambda: datetime.now(UTC)
        self._steady: Callable[[], float] = time.monotonic

    def begin(self, request: Request) -> Jar:
        """What a request brought, as it arrives."""
        return Jar(self, self.style, request, self._steady())

    @property
    def device(self) -> Device:
        """What is told of the device of this request: say it at the login too."""
        return self._device(self._jar().request)

    @property
    def is_cross_site(self) -> bool:
        """Whether another site may have caused this request.

        Rules judge that for requests with cookies, and `logout` does. A login form brings none yet, and has
        to ask.
        """
        return self.gate.is_cross_site(self._jar().request)

    def _jar(self) -> Jar:
        """That of the request that is being served."""
        jar = CURRENT.get()
        if jar is None or jar.site is not self:
            raise RuntimeError("this is for requests that come through the middleware of this site")
        return jar

    def _without_cookies(self, jar: Jar, rule: Rule) -> tuple[bool, Question | Denial | None]:
        """What follows without a look at the cookies: of a token in the header, and where none counts."""
        if rule.is_public or rule.is_for_nobody or _has_token(jar.request):
            return True, self.gate.examine(jar.request, rule)
        if not self.style.allows_host(_host(jar.request)):
            return True, Denial(Kind.MISCONFIGURED, "INTERNAL", why=_other_host())
        return False, None

    def _presented(self, jar: Jar, rule: Rule) -> Presented:
        request, has_new = jar.request, jar.tokens is not None
        return Presented(
            access_count=1 if has_new else jar.brought.access_count,
            refresh_count=1 if has_new else jar.brought.refresh_count,
            is_cross_site=self.gate.is_cross_site(request),
            is_optional=rule.is_optional,
            is_upgrade=_is_upgrade(request),
            is_refreshed_elsewhere=not self.style.refreshes(request.path),
            is_navigation=request.method == "GET" and "navigate" in request.header("sec-fetch-mode")[:1],
            is_marked=not has_new and jar.brought.is_marked,
            missing=self.gate.missing(rule),
        )

    def _question(self, jar: Jar, rule: Rule) -> Question:
        options = self.gate.options(jar.request, rule)
        return Question(Credential(Scheme.COOKIE, jar.access_token), rule.policy, options)

    def _bearer(self, jar: Jar, rule: Rule) -> Bearer:
        """Who presents the refresh token."""
        proof = self.gate.options(jar.request, rule).get("certificate_sha256")
        bearer: Bearer = {"device": self._device(jar.request)}
        return bearer if proof is None else {**bearer, "certificate_sha256": proof}

    def _concluded(self, jar: Jar, decision: Decision, session: Session | None) -> Admission:
        if decision.change is Change.SET and jar.tokens is not None:
            lines, fits = self.style.set(jar.tokens, self._now(), jar.brought)
            jar.lines = lines
            if not fits:
                self.gate.logger.error(
                    "a refreshed access token is too large for its cookie: each request refreshes anew: "
                    "%d bytes",
                    len(jar.tokens.access_token),
                )
        elif decision.change is Change.CLEAR:
            jar.lines = self.style.clear(jar.brought)
        elif decision.change is Change.MARK:
            jar.lines = [self.style.mark(jar.brought)]
        match decision.outcome:
            case Outcome.SESSION:
                jar.session = session
                return session
            case Outcome.NOBODY:
                return None
            case Outcome.SENT_BACK:
                location = self_reference(_target(jar.request))
                return SentBack(Kind.REJECTED, "session_superseded", location=location)
            case _:
                return decision.denial

    def _give(self, tokens: Tokens) -> Jar:
        """Have the answer bring the tokens of a login.

        Raises:
            InvalidArgumentError: the site is for development, and the host another one.
            ValueError: these are no tokens.
            CookieTooLargeError: the access token does not fit.
            AnswerBegunError: it is too late.
        """
        jar = self._jar()
        if not self.style.allows_host(_host(jar.request)):
            raise _other_host()
        require_tokens(tokens)
        lines, fits = self.style.set(tokens, self._now(), jar.brought)
        if not fits:
            raise CookieTooLargeError(len(tokens.access_token))
        _put(jar, lines)
        return jar

    def _former(self, jar: Jar, tokens: Tokens) -> tuple[str, str] | None:
        """The method and the token that end the session of before, unless the login is of that session."""
        if is_same_session(jar.refresh_token, tokens.refresh_token):
            return None
        return _revocation(jar)

    def _ending(self) -> tuple[Jar, tuple[str, str] | None]:
        """What ends the session that a browser brings."""
        jar = self._jar()
        if not self.style.allows_host(_host(jar.request)):
            raise _other_host()
        # Whatever a rule has said: it lets requests through that bring no cookies, and the answer to one
        # takes them away all the same.
        if self.gate.is_cross_site(jar.request):
            raise CrossSiteError
        if jar.session is not None and jar.session.session_id:
            return jar, ("revoke_session", jar.session.session_id)
        return jar, _revocation(jar)

    def _clear(self, jar: Jar) -> None:
        _put(jar, self.style.clear(jar.brought))


def require_tokens(tokens: Any) -> None:
    """Raise ValueError for what cannot be kept in cookies: as a header has tokens, they end none."""
    if not (
        isinstance(tokens, Tokens) and is_token68(tokens.access_token) and is_token68(tokens.refresh_token)
    ):
        raise ValueError("these are no tokens that a cookie can hold")


def _put(jar: Jar, lines: list[str]) -> None:
    if jar.is_written:
        raise AnswerBegunError
    jar.lines = lines


def _revocation(jar: Jar) -> tuple[str, str] | None:
    if jar.tokens is not None or jar.brought.has_refresh_form:
        return "revoke_refresh_token", jar.refresh_token
    return ("revoke_access_token", jar.access_token) if jar.access_token else None


def _has_token(request: Request) -> bool:
    """Whether a request is to be judged by its `Authorization` header, good or not."""
    try:
        return from_authorization(request.header("authorization")) is not None
    except InvalidRequestError:
        return True


def _is_upgrade(request: Request) -> bool:
    return request.opens_stream or request.method == "CONNECT" or len(request.header("upgrade")) > 0


def _host(request: Request) -> str:
    return "".join(request.header("host")[:1])


def _target(request: Request) -> str:
    return f"{request.path}?{request.query}" if request.query else request.path


def _by_user_agent(request: Request) -> Device:
    return Device(user_agent=readable("".join(request.header("user-agent")[:1])))


def _other_host() -> InvalidArgumentError:
    text = "host: found another one, allowed is localhost: for any other leave development out, and use https"
    return InvalidArgumentError(grpc.StatusCode.INVALID_ARGUMENT, text, Details())


def _require_path(path: str) -> None:
    """Raise ValueError for what ends the attribute of a cookie, or is written in another way in a path."""
    is_plain = all(" " < one <= "~" and one not in _NO_PATH for one in path)
    if path and not (path.startswith("/") and not path.endswith("/") and is_plain):
        raise ValueError(f"refresh_path: found {path!r}, allowed is one such as /session")
