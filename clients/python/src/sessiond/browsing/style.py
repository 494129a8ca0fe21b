"""What the cookies of a site look like, byte for byte."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sessiond.browsing.parts import MOST_PARTS, fingerprint, joined
from sessiond.middleware.credentials import is_token68, read_cookies
from sessiond.results import Tokens

# What browsers take of a cookie's name, value and attributes together (RFC 6265 §6.1). They drop a larger
# one, and tell nobody.
LARGEST_COOKIE: Final = 4_096
# Longer than whoever is told that a session has ended takes to make another request.
_MARK_SECONDS: Final = 3_600
_GONE: Final = "; Max-Age=0"
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, repr=False)
class Cookies:
    """Those of a session that a request brought; a token is empty unless there is one of it.

    The counts say how many there are: of several it is not clear which one is meant. No browser sends two of
    a name for one host and path, so that one of them is somebody else's.
    """

    access_count: int
    refresh_count: int
    access_token: str
    refresh_token: str
    mark: str
    parts: frozenset[int]

    @property
    def is_marked(self) -> bool:
        """Whether the browser has had an answer about the refresh token that it brings: it has no newer one.

        What it sent before it had that answer does not bring the mark.
        """
        return self.refresh_token != "" and self.mark == fingerprint(self.refresh_token)

    @property
    def has_refresh_form(self) -> bool:
        """Whether the refresh token is of a form that a server would read at all."""
        return len(self.refresh_token.encode()) <= LARGEST_COOKIE and is_token68(self.refresh_token)


@dataclass(frozen=True, slots=True)
class Style:
    """How the cookies of a site are made.

    `development` is for http://localhost: without `__Host-` and Secure, which not every browser takes there.
    To `refresh_path` alone the refresh token is sent; it is empty for all. With `split` an access token that
    is too large for one cookie goes into several.
    """

    development: bool = False
    refresh_path: str = ""
    split: bool = False

    @property
    def _prefix(self) -> str:
        """A browser has one cookie of a name for all ports of localhost; frameworks call theirs session."""
        return "dev-" if self.development else "__Host-"

    @property
    def access_name(self) -> str:
        """The prefix binds it to its host: no subdomain can set it (RFC 6265bis §4.1.3.2)."""
        return f"{self._prefix}session"

    @property
    def refresh_name(self) -> str:
        """A path of its own costs it the better prefix, which wants the path to be /."""
        if self.refresh_path and not self.development:
            return "__Secure-session-refresh"
        return f"{self._prefix}session-refresh"

    @property
    def mark_name(self) -> str:
        """Of the cookie that says about which refresh token a browser has had an answer."""
        return f"{self._prefix}session-mark"

    def allows_host(self, host: str) -> bool:
        """Whether cookies may be set for a host: those of development for this machine alone."""
        if not self.development:
            return True
        name = host.lower()
        bare, separator, port = name.rpartition(":")
        if separator and port.isdigit() and (":" not in bare or bare.startswith("[")):
            name = bare
        name = name.strip("[]")
        return name in _LOOPBACK or name.endswith(".localhost")

    def refreshes(self, path: str) -> bool:
        """Whether a browser sends the refresh token along with requests for a path (RFC 6265 §5.1.4)."""
        wanted = self.refresh_path.rstrip("/")
        return path == wanted or path.startswith(f"{wanted}/")

    def set(self, tokens: Tokens, now: datetime, brought: Cookies) -> tuple[list[str], bool]:
        """The values of `Set-Cookie` that give a browser its tokens, and whether the access token fits.

        They take away the parts of an access token that it brought and needs no more. They are in the order
        in which a browser takes them: a request in between has the new access token, and so does not spend
        the new refresh token. An access token that does not fit is left as it is.
        """
        lines = self._access_lines(tokens.access_token, _max_age(tokens.access_expire_time, now))
        fits = lines != []
        if fits:
            lines += self._clear_parts(brought, len(lines))
        age = _max_age(tokens.refresh_expire_time, now)
        lines.append(self._line(self.refresh_name, tokens.refresh_token, self.refresh_path or "/", age))
        return lines, fits

    def clear(self, brought: Cookies) -> list[str]:
        """The values of `Set-Cookie` that take everything from a browser."""
        mark = [self._line(self.mark_name, "", "/", _GONE)] if brought.mark else []
        return [
            self._line(self.access_name, "", "/", _GONE),
            *self._clear_parts(brought, 1),
            self._line(self.refresh_name, "", self.refresh_path or "/", _GONE),
            *mark,
        ]

    def mark(self, brought: Cookies) -> str:
        """The value of `Set-Cookie` that says about which refresh token this is an answer.

        Who brings both again has had it, and has nothing newer.
        """
        check = fingerprint(brought.refresh_token)
        return self._line(self.mark_name, check, "/", f"; Max-Age={_MARK_SECONDS}")

    def is_ours(self, line: str) -> bool:
        """Whether a value of `Set-Cookie` is one of a session's own."""
        name = line.partition("=")[0]
        parts = map(self._part_name, range(1, MOST_PARTS + 1))
        return name in {self.refresh_name, self.mark_name, *parts}

    def read(self, headers: Sequence[str]) -> Cookies:
        """The cookies in the values of `Cookie` headers.

        An empty one is none, and so is an access token of which parts are missing.
        """
        cookies = read_cookies(headers)
        found = [_one(cookies, self._part_name(number)) for number in range(1, MOST_PARTS + 1)]
        access_count = max(count for _, count in found)
        access_token = joined([value for value, _ in found]) if access_count == 1 else ""
        refresh_token, refresh_count = _one(cookies, self.refresh_name)
        return Cookies(
            access_count=0 if access_count == 1 and not access_token else access_count,
            refresh_count=refresh_count,
            access_token=access_token,
            refresh_token=refresh_token,
            mark=_one(cookies, self.mark_name)[0],
            parts=frozenset(number for number, (_, count) in enumerate(found, 1) if count),
        )

    def _part_name(self, number: int) -> str:
        return self.access_name if number == 1 else f"{self.access_name}-{number}"

    def _access_lines(self, token: str, age: str) -> list[str]:
        """Empty for a token that does not fit."""
        whole = self._line(self.access_name, token, "/", age)
        if len(whole) <= LARGEST_COOKIE:
            return [whole]
        counts = range(2, MOST_PARTS + 1) if self.split else ()
        return next((lines for count in counts if (lines := self._split(token, age, count))), [])

    def _split(self, token: str, age: str, count: int) -> list[str]:
        """Empty where a token needs more parts."""
        lines, value = [], f"{count}:{fingerprint(token)}:{token}"
        for number in range(1, count + 1):
            name = self._part_name(number)
            room = LARGEST_COOKIE - len(self._line(name, "", "/", age))
            lines.append(self._line(name, value[:room], "/", age))
            value = value[room:]
        return [] if value else lines

    def _clear_parts(self, brought: Cookies, kept: int) -> list[str]:
        """What takes away the parts behind so many that a request brought."""
        gone = sorted(number for number in brought.parts if number > kept)
        return [self._line(self._part_name(number), "", "/", _GONE) for number in gone]

    def _line(self, name: str, value: str, path: str, age: str) -> str:
        secure = "" if self.development else "; Secure"
        return f"{name}={value}; Path={path}{age}; HttpOnly{secure}; SameSite=Lax"


def _one(cookies: Sequence[tuple[str | None, str]], name: str) -> tuple[str, int]:
    values = [value for given, value in cookies if given == name]
    if len(values) > 1:
        return "", 2
    return (values[0], 1) if values and values[0] else ("", 0)


def _max_age(expires: datetime | None, now: datetime) -> str:
    """The attribute of what expires: whole seconds, so that a cookie goes before its token does.

    It is a second at least: a clock that is wrong deletes nothing. What expires nobody knows when goes with
    the browser.
    """
    if expires is None:
        return ""
    return f"; Max-Age={max(1, int((expires - now).total_seconds()))}"
