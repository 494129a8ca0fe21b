"""The token of a request, where exactly one can be meant, and the proof that comes with it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final
from urllib.parse import urlsplit

from sessiond.requests import DpopProof


class Scheme(Enum):
    """How a token was presented."""

    BEARER = auto()  # RFC 6750
    DPOP = auto()  # RFC 9449
    COOKIE = auto()  # by a browser, whoever made it do so


@dataclass(frozen=True, slots=True)
class Credential:
    """A token as it was presented; it is hidden from `repr`."""

    scheme: Scheme
    token: str = field(repr=False)


class InvalidRequestError(ValueError):
    """A token was meant, but not which: RFC 6750 §3.1 calls it invalid_request."""


_SCHEMES: Final = {"bearer": Scheme.BEARER, "dpop": Scheme.DPOP}
# RFC 9110 §11.4: a scheme, one or more blanks, and a token68. What has another blank or a comma in it could
# be taken for two tokens.
_SCHEME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`|~]*")
_BEHIND_SCHEME: Final = re.compile(r" +([A-Za-z0-9\-._~+/]+=*)", re.ASCII)
_SCOPE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
_TOKEN68: Final = re.compile(r"[A-Za-z0-9\-._~+/]+=*", re.ASCII)
_COOKIE_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`|~]+", re.ASCII)


def from_authorization(values: Sequence[str]) -> Credential | None:
    """The token in the values of `Authorization` headers. Another scheme, or none, is no token of ours.

    Raises:
        InvalidRequestError: there are several, or what is there is not of the form of a token.
    """
    if not values:
        return None
    if len(values) > 1:
        raise InvalidRequestError
    named = _SCHEME.match(values[0])
    end = named.end() if named else 0
    scheme = _SCHEMES.get(values[0][:end].lower())
    if scheme is None:
        return None
    behind = _BEHIND_SCHEME.fullmatch(values[0], end)
    if behind is None:
        raise InvalidRequestError
    return Credential(scheme, behind[1])


def from_cookies(lines: Sequence[str], name: str) -> Credential | None:
    """The cookie of a name in the values of `Cookie` headers.

    An empty one is none: so a browser says that it was cleared. What it holds is for the server to judge: who
    has a broken cookie has to log in again.

    Raises:
        InvalidRequestError: there are several of the name.
    """
    found = [value for given, value in read_cookies(lines) if given == name]
    if len(found) > 1:
        raise InvalidRequestError
    return Credential(Scheme.COOKIE, found[0]) if found and found[0] else None


def read_cookies(lines: Sequence[str]) -> list[tuple[str | None, str]]:
    """The name and value of each cookie in the values of `Cookie` headers; what is no pair has no name."""
    return [_to_pair(text) for line in lines for text in line.split(";")]


def _to_pair(text: str) -> tuple[str | None, str]:
    given, equals, value = text.strip(" \t").partition("=")
    return (given if equals else None), value


def proof_of(proofs: Sequence[str], method: str, origin: str, path: str) -> DpopProof | None:
    """The one `DPoP` header (RFC 9449 §4.3), for a path at the origin that clients know.

    It is None where there is none, or no origin to judge it by.

    Raises:
        InvalidRequestError: there are several, or what is there is not of the form of one.
    """
    if not origin or not proofs:
        return None
    if len(proofs) > 1 or not is_token68(proofs[0]):
        raise InvalidRequestError
    return DpopProof(proofs[0], method, origin + path)


def is_token68(text: str) -> bool:
    """Whether a text has the form of a token (RFC 6750 §2.1)."""
    return _TOKEN68.fullmatch(text) is not None


def is_scope(text: str) -> bool:
    """Whether a text can be a scope (RFC 6749 §3.3)."""
    return _SCOPE.fullmatch(text) is not None


def require_origin(name: str, origin: str) -> None:
    """Raise ValueError for what is no origin (RFC 6454 §6.2), as that is a mistake in the program."""
    parsed = urlsplit(origin)
    if not parsed.netloc or f"{parsed.scheme}://{parsed.netloc}" != origin:
        raise ValueError(f"{name}: found {origin!r}, allowed is one such as https://app.example")


def require_cookie_name(name: str) -> None:
    """Raise ValueError for what no cookie can be called (RFC 6265 §4.1.1)."""
    if name and not _COOKIE_NAME.fullmatch(name):
        raise ValueError(f"cookie: found {name!r}, allowed is the name of a cookie")
