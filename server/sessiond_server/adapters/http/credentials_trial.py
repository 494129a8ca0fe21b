"""Whether a token endpoint takes our credentials, found out without a token of anybody."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from sessiond_server.adapters.http.client_credentials import ClientCredentials
from sessiond_server.adapters.http.issuer_documents import IssuerDocuments
from sessiond_server.adapters.http.outbound import Failed, HttpResponse, Outbound
from sessiond_server.adapters.jwt.strict_json import read_object
from sessiond_server.domain.policy import EDDSA, SIGNATURE_ALGORITHMS
from sessiond_server.service.validation.key_source import Unfetched

_OK: Final = 200
_SERVER_ERRORS: Final = 500
_SURELY_BAD: Final = frozenset({200, 401, 403, 404, 405})
# By error code (RFC 6749 §5.2): whether all is well (None: that is not told), and what the code means.
_MEANINGS: Final[Mapping[str, tuple[bool | None, str]]] = MappingProxyType(
    {
        "invalid_grant": (True, "the credentials are taken"),
        "invalid_client": (False, "the client is not known, or not by what it shows"),
        "unauthorized_client": (False, "the client may not refresh, or is not known"),
        "unsupported_grant_type": (False, "nobody may refresh"),
        "invalid_request": (None, "nothing is said of the credentials"),
        "invalid_scope": (None, "nothing is said of the credentials"),
        "server_error": (False, "nothing is said of the credentials"),
        "temporarily_unavailable": (False, "nothing is said of the credentials"),
    }
)
_METHODS: Final = "token_endpoint_auth_methods_supported"
_ALGORITHMS: Final = "token_endpoint_auth_signing_alg_values_supported"
# Of the names that a document gives only those of the IANA registry are repeated.
_KNOWN_METHODS: Final = (
    "client_secret_basic",
    "client_secret_post",
    "client_secret_jwt",
    "private_key_jwt",
    "tls_client_auth",
    "self_signed_tls_client_auth",
    "none",
)
_KNOWN_ALGORITHMS: Final = (*sorted(SIGNATURE_ALGORITHMS), EDDSA)


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it in words of ours; `is_good` is None where the answer does not tell."""

    is_good: bool | None
    seen: str


async def try_credentials(
    documents: IssuerDocuments, outbound: Outbound, credentials: ClientCredentials
) -> Trial:
    """Ask for a refresh with a token that was made up.

    Whoever is known is refused for the token, and anybody else for being unknown (RFC 6749 §5.2).
    """
    url = await documents.look_up("token_endpoint")
    if isinstance(url, Unfetched):
        return Trial(is_good=False, seen=f"no token endpoint: {url.detail}")
    form = {"grant_type": "refresh_token", "refresh_token": f"made-up-{secrets.token_urlsafe(32)}"}
    response = await credentials.post(outbound, documents, url, form)
    if isinstance(response, Failed):
        return Trial(is_good=False, seen=f"{json.dumps(url[:255])}: {response.value}")
    trial = _judge(response)
    return Trial(trial.is_good, trial.seen + await _remark(documents, credentials, is_good=trial.is_good))


def _judge(response: HttpResponse) -> Trial:
    code = _error_code(response.body)
    if code is None:
        is_bad = response.status in _SURELY_BAD or response.status >= _SERVER_ERRORS
        return Trial(
            is_good=False if is_bad else None,
            seen=f"HTTP {response.status}, without an error code, for a made-up refresh token",
        )
    is_good, meaning = _MEANINGS[code]
    return Trial(is_good, meaning if is_good else f"{code} (HTTP {response.status}): {meaning}")


def _error_code(body: bytes) -> str | None:
    """The error's code, if it is one of the specification's: any other may be anything."""
    try:
        code = read_object(body)[0].get("error")
    except (ValueError, RecursionError):
        return None
    return code if isinstance(code, str) and code in _MEANINGS else None


async def _remark(documents: IssuerDocuments, credentials: ClientCredentials, *, is_good: bool | None) -> str:
    """What the discovery document says of how we show who we are, where it says something else."""
    document = await documents.discovery()
    if isinstance(document, Unfetched):
        return ""
    named: Any = document.get(_METHODS)
    if named is None and not is_good:
        # RFC 8414 §2: what is left out means this one.
        named = ["client_secret_basic"]
    method, algorithm = credentials.proof.method, credentials.proof.algorithm
    if isinstance(named, list) and method not in named:
        return f"; sent as {method}, while its document names {_shown(named, _KNOWN_METHODS)}"
    named = document.get(_ALGORITHMS)
    if algorithm and isinstance(named, list) and algorithm not in named:
        return f"; signed with {algorithm}, while its document names {_shown(named, _KNOWN_ALGORITHMS)}"
    return ""


def _shown(named: Sequence[Any], known: Sequence[str]) -> str:
    return ", ".join(name for name in known if name in named) or "none that is known here"
