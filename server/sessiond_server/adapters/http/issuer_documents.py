"""What a provider publishes: its discovery document and its key set.

The discovery document is that of RFC 8414 and OpenID Connect Discovery 1.0.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Final, NamedTuple

from sessiond_server.adapters.http.outbound import Failed, HttpResponse, Outbound
from sessiond_server.adapters.jwt.strict_json import read_object
from sessiond_server.domain.token import JsonObject
from sessiond_server.service.storage.key_sets import Document
from sessiond_server.service.validation.key_source import Unfetched

_STATUS: Final = "status"
_DISCOVERY: Final = "discovery"
_OK: Final = 200
_NOT_MODIFIED: Final = 304
_MAX_AGE: Final = re.compile(r"(?:^|[ ,])max-age=(\d{1,9})(?:$|[ ,;])")
# RFC 9110 §8.8.3 would let bytes beyond ASCII be, but a tag is shared and sent again, which fails with them.
_ENTITY_TAG: Final = re.compile(r"[\x21-\x7e]{1,256}")
# RFC 9111 §5.2.1.4; caches of HTTP/1.0 know only the second (§5.4).
_PAST_CACHES: Final = MappingProxyType({"Cache-Control": "no-cache", "Pragma": "no-cache"})
_SHORTEST_LIFE: Final = 60.0
_LONGEST_LIFE: Final = 24 * 3600.0
_USUAL_LIFE: Final = 600.0
_MAX_MEMBERS: Final = 2048
_MAX_SHOWN: Final = 255


class ToldTime(NamedTuple):
    """What time it is at an issuer, and here, at the same moment; in seconds since 1970."""

    issuer: float
    ours: float


class IssuerDocuments:
    """Looks up the addresses that are not configured, and fetches the key set.

    `authorization` gives what an issuer wants to see before it shows its documents, None where it shows them
    to anybody; it is asked anew each time. `told_time` is what the last answer has told of the issuer's
    clock.
    """

    def __init__(
        self,
        issuer: str,
        outbound: Outbound,
        *,
        jwks_url: str | None,
        addresses: Mapping[str, str | None],
        discovery: bool,
        authorization: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._issuer = issuer
        self._outbound = outbound
        self._jwks_url = jwks_url
        self._configured = addresses
        self._discovery = discovery
        self._authorization = authorization
        self._discovered: JsonObject = {}
        self.told_time: ToldTime | None = None

    async def key_set(self, entity_tag: str | None, *, anew: bool = False) -> Document | Unfetched:
        """The key set, or the news that the one with `entity_tag` is still right.

        `anew` looks for its address again, and asks caches on the way to ask the issuer.
        """
        if anew:
            self._discovered = {}
        url = self._jwks_url or await self._discover("jwks_uri")
        if isinstance(url, Unfetched):
            return url
        headers = {"If-None-Match": entity_tag} if entity_tag else {}
        found = await self._document(url, headers={**headers, **(_PAST_CACHES if anew else {})})
        if isinstance(found, Document) and found.body is None and not entity_tag:
            # Nobody has asked whether it has been modified.
            found = Unfetched(_STATUS, "not modified, which nobody has asked")
        if isinstance(found, Unfetched):
            # The issuer may have moved its key set.
            self._discovered = {}
        return found

    async def address(self, name: str) -> str | None:
        """A configured or discovered address, such as `token_endpoint`; None where none can be had."""
        found = await self.look_up(name)
        return None if isinstance(found, Unfetched) else found

    async def look_up(self, name: str) -> str | Unfetched:
        """The same, or why it cannot be had."""
        return self._configured.get(name) or await self._discover(name)

    async def discovery(self) -> JsonObject | Unfetched:
        """The discovery document, which is kept until its key set cannot be had."""
        if not self._discovery:
            return Unfetched(_DISCOVERY, "no address is configured, and discovery is off")
        if not self._discovered:
            found = await self._fetch_discovery()
            if isinstance(found, Unfetched):
                return found
            self._discovered = found
        return self._discovered

    async def _discover(self, name: str) -> str | Unfetched:
        document = await self.discovery()
        if isinstance(document, Unfetched):
            return document
        value = document.get(name)
        return value if isinstance(value, str) else _undiscovered(f"the document names no {name}")

    async def _fetch_discovery(self) -> JsonObject | Unfetched:
        found = await self._document(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
        if isinstance(found, Unfetched) or found.body is None:
            return _undiscovered(found.detail if isinstance(found, Unfetched) else "no document")
        try:
            document: JsonObject = read_object(found.body, max_members=_MAX_MEMBERS)[0]
        except (ValueError, RecursionError):
            return _undiscovered("the document is no JSON object")
        # A document that names another issuer counts for nothing (RFC 8414 §3.3).
        if document.get("issuer") != self._issuer:
            return _undiscovered(_another_issuer(document.get("issuer")))
        return document

    async def _document(self, url: str, *, headers: Mapping[str, str] | None = None) -> Document | Unfetched:
        shown = self._authorization()
        authorized = {"Authorization": shown} if shown else {}
        found = await self._outbound.get(url, headers={**(headers or {}), **authorized})
        if isinstance(found, HttpResponse):
            self.told_time = _told_time(found.headers)
        return _to_document(url, found)


def _why(failed: Failed) -> str:
    return failed.name.lower()


# Every reason why there is no document.
UNFETCHED: Final = (_STATUS, _DISCOVERY, *map(_why, Failed))


def _undiscovered(detail: str) -> Unfetched:
    return Unfetched(_DISCOVERY, f"discovery: {detail}")


def _another_issuer(name: object) -> str:
    """What tells a missing realm, or a slash at the end, from a wrong address."""
    return f"the document is of {_shown(name)}" if isinstance(name, str) else "the document names no issuer"


def _shown(text: str) -> str:
    """An address as a message shows it: escaped, and no longer than one that can be configured."""
    return json.dumps(text[:_MAX_SHOWN])


def _to_document(url: str, response: HttpResponse | Failed) -> Document | Unfetched:
    at = _shown(url)
    if isinstance(response, Failed):
        return Unfetched(_why(response), f"{at}: {response.value}")
    lifetime, entity_tag = _lifetime(response.headers), _entity_tag(response.headers)
    if response.status == _NOT_MODIFIED:
        return Document(None, lifetime, entity_tag)
    if response.status != _OK:
        return Unfetched(_STATUS, f"{at}: HTTP {response.status}")
    return Document(response.body, lifetime, entity_tag)


def _told_time(headers: Mapping[str, str]) -> ToldTime | None:
    """By an answer's date, to which a cache adds how old it is (RFC 9110 §6.6.1, RFC 9111 §5.1)."""
    try:
        sent, age = parsedate_to_datetime(headers.get("Date", "")).timestamp(), float(headers.get("Age", "0"))
    except (ValueError, OverflowError):
        return None
    return ToldTime(sent + age, time.time())


def _lifetime(headers: Mapping[str, str]) -> float:
    found = _MAX_AGE.search(headers.get("Cache-Control", "").lower())
    return min(max(float(found[1]), _SHORTEST_LIFE), _LONGEST_LIFE) if found else _USUAL_LIFE


def _entity_tag(headers: Mapping[str, str]) -> str | None:
    tag = headers.get("ETag", "")
    return tag if _ENTITY_TAG.fullmatch(tag) else None
