"""What one request brought in cookies, and which ones its answer is to bring."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Final

from sessiond.browsing.style import Cookies, Style
from sessiond.middleware.request import Request
from sessiond.results import Session, Tokens

Headers = list[tuple[str, str]]
CURRENT: Final[ContextVar[Jar | None]] = ContextVar("sessiond_jar", default=None)


class Jar:
    """Belongs to one request, and to the site that it is of.

    Where several rules hold for it, the next one goes on with what one before has refreshed. `session` is
    that of a cookie.
    """

    def __init__(self, site: object, style: Style, request: Request, arrived: float) -> None:
        self.site: Final = site
        self.request: Final = request
        self.arrived: Final = arrived
        self.brought: Final[Cookies] = style.read(request.header("cookie"))
        self.tokens: Tokens | None = None
        self.session: Session | None = None
        self.is_written = False
        self.lines: Sequence[str] | None = None
        self._style: Final = style

    @property
    def access_token(self) -> str:
        """The access token that counts."""
        return self.brought.access_token if self.tokens is None else self.tokens.access_token

    @property
    def refresh_token(self) -> str:
        """The refresh token that counts."""
        return self.brought.refresh_token if self.tokens is None else self.tokens.refresh_token

    def applied(self, headers: Headers) -> Headers:
        """The headers of an answer with what it brings, whatever its handler has done to them.

        Cookies of a session take the place of any that it has; such an answer is for nobody else (RFC 9111
        §7.3).
        """
        self.is_written = True
        varied = headers if _varies(headers) else [*headers, ("Vary", "Cookie")]
        if self.lines is None:
            return varied
        kept = [
            (name, value)
            for name, value in varied
            if name.lower() != "cache-control"
            and not (name.lower() == "set-cookie" and self._style.is_ours(value))
        ]
        return [*kept, ("Cache-Control", "no-store"), *(("Set-Cookie", line) for line in self.lines)]


def _varies(headers: Headers) -> bool:
    """Whether it is said that the answer depends on cookies."""
    told = ",".join(value for name, value in headers if name.lower() == "vary")
    return "cookie" in {one.strip().lower() for one in told.split(",")}
