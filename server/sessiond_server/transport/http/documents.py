"""The discovery document and the key set of the local issuer."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from sessiond_server.domain.address import Address
from sessiond_server.transport.http.pages import Accepted, Pages

KEY_SET_PATH: Final = "/.well-known/jwks.json"
_DISCOVERY_PATH: Final = "/.well-known/openid-configuration"
_KEY_SET_SECONDS: Final = 300


@dataclass(frozen=True, slots=True)
class LocalDocuments:
    """What is published of the local issuer.

    `key_set_url` is where others find its keys; None means at this server.
    """

    issuer: str
    key_set_url: str | None
    algorithms: Collection[str]
    key_set: Callable[[], Mapping[str, Any]]


def discovery_document(issuer: str, *, key_set_url: str, algorithms: Collection[str]) -> dict[str, Any]:
    """The discovery document of an issuer that only signs access tokens.

    It says what OpenID Connect Discovery 1.0 §3 and RFC 8414 §2 demand.
    """
    return {
        "issuer": issuer,
        "jwks_uri": key_set_url,
        "response_types_supported": [],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": sorted(algorithms),
    }


def pages(local: LocalDocuments, *, address: Callable[[], Address]) -> Pages:
    """The documents at their paths; nothing in a request chooses what they say, `Host` included."""

    async def show_discovery(_: Accepted) -> web.Response:
        url = local.key_set_url or f"http://{address()}{KEY_SET_PATH}"
        return _public(discovery_document(local.issuer, key_set_url=url, algorithms=local.algorithms))

    async def show_key_set(_: Accepted) -> web.Response:
        return _public(local.key_set())

    return {_DISCOVERY_PATH: show_discovery, KEY_SET_PATH: show_key_set}


def _public(document: Mapping[str, Any]) -> web.Response:
    headers = {"Cache-Control": f"public, max-age={_KEY_SET_SECONDS}"}
    return web.Response(text=json.dumps(document), content_type="application/json", headers=headers)
