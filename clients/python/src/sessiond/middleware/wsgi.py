"""Requests as WSGI has them (PEP 3333): servers join what comes several times with commas."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, urlsplit

from sessiond.middleware.request import Request

# None of these has a comma in it, but behind the scheme of one that is not ours.
_SEPARATORS: Final = {
    "authorization": re.compile(r",[ \t]*(?=(?:bearer|dpop)\b)", re.IGNORECASE),
    "origin": re.compile(","),
    "sec-fetch-site": re.compile(","),
}


def to_request(environ: Mapping[str, Any], certificate: Callable[[], bytes | None]) -> Request:
    """What a decision needs to know of a request."""
    return Request(
        method=environ["REQUEST_METHOD"],
        path=_path(environ),
        header=lambda name: _header(environ, name),
        certificate=certificate,
        query=environ.get("QUERY_STRING", ""),
    )


def _header(environ: Mapping[str, Any], name: str) -> Sequence[str]:
    given: str | None = environ.get(f"HTTP_{name.upper().replace('-', '_')}")
    if given is None:
        return []
    value = given.strip(" \t")  # no server has to, and it is no part of the value (RFC 9110 §5.5)
    separator = _SEPARATORS.get(name)
    return [value] if separator is None else separator.split(value)


def _path(environ: Mapping[str, Any]) -> str:
    """The path as it came, where the server tells it; else escaped again."""
    raw: str = environ.get("RAW_URI") or environ.get("REQUEST_URI") or ""
    if raw.startswith("/"):
        return raw.partition("?")[0]
    if raw:
        return urlsplit(raw).path or "/"
    known: str = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    return quote(known.encode("latin-1"))
