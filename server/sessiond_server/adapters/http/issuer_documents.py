"""What a provider publishes: its discovery document and its key set.

The discovery document is that of RFC 8414 and OpenID Connect Discovery 1.0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from sessiond_server.adapters.http.outbound import Failed, HttpResponse, Outbound
from sessiond_server.adapters.jwt.strict_json import read_object
from sessiond_server.domain.token import JsonObject
from sessiond_server.service.storage.key_sets import Document
from sessiond_server.service.validation.key_source import Unfetched

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


class IssuerDocuments:
    """Looks up the addresses that are not configured, and fetches the key set."""

    def __init__(
        self,
        issuer: str,
        outbound: Outbound,
        *,
        jwks_url: str | None,
        addresses: Mapping[str, str | None],
        discovery: bool,
    ) -> None:
        self._issuer = issuer
        self._outbound = outbound
        self._jwks_url = jwks_url
        self._configured = addresses
        self._discovery = discovery
        self._discovered: JsonObject = {}

    async def key_set(self, entity_tag: str | None, *, anew: bool = False) -> Document | Unfetched:
        """The key set, or the news that the one with `entity_tag` is still right.

        `anew` looks for its address again, and asks caches on the way to ask the issuer.
        """
        if anew:
            self._discovered = {}
        url = self._jwks_url or await self._discover("jwks_uri")
        if url is None:
            return Unfetched("discovery")
        headers = {"If-None-Match": entity_tag} if entity_tag else {}
        response = await self._outbound.get(url, headers={**headers, **(_PAST_CACHES if anew else {})})
        found = _to_document(response)
        if isinstance(found, Document) and found.body is None and not entity_tag:
            # Nobody has asked whether it has been modified.
            found = Unfetched("status")
        if isinstance(found, Unfetched):
            # The issuer may have moved its key set.
            self._discovered = {}
        return found

    async def address(self, name: str) -> str | None:
        """A configured or discovered address, such as `token_endpoint`; None where none can be had."""
        return self._configured.get(name) or await self._discover(name)

    async def _discover(self, name: str) -> str | None:
        if not self._discovery:
            return None
        if not self._discovered:
            self._discovered = await self._fetch_discovery()
        value = self._discovered.get(name)
        return value if isinstance(value, str) else None

    async def _fetch_discovery(self) -> JsonObject:
        found = _to_document(
            await self._outbound.get(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
        )
        document: Mapping[str, Any] = {}
        if isinstance(found, Document) and found.body is not None:
            try:
                document = read_object(found.body, max_members=_MAX_MEMBERS)[0]
            except (ValueError, RecursionError):
                return {}
        # A document that names another issuer counts for nothing (RFC 8414 §3.3).
        return document if document.get("issuer") == self._issuer else {}


def _to_document(response: HttpResponse | Failed) -> Document | Unfetched:
    if isinstance(response, Failed):
        return Unfetched(response.name.lower())
    lifetime, entity_tag = _lifetime(response.headers), _entity_tag(response.headers)
    if response.status == _NOT_MODIFIED:
        return Document(None, lifetime, entity_tag)
    if response.status != _OK:
        return Unfetched("status")
    return Document(response.body, lifetime, entity_tag)


def _lifetime(headers: Mapping[str, str]) -> float:
    found = _MAX_AGE.search(headers.get("Cache-Control", "").lower())
    return min(max(float(found[1]), _SHORTEST_LIFE), _LONGEST_LIFE) if found else _USUAL_LIFE


def _entity_tag(headers: Mapping[str, str]) -> str | None:
    tag = headers.get("ETag", "")
    return tag if _ENTITY_TAG.fullmatch(tag) else None
