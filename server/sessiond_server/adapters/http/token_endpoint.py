"""A provider's token endpoint (RFC 6749 §3.2) and revocation endpoint (RFC 7009)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from typing_extensions import override

from sessiond_server.adapters.http.issuer_documents import IssuerDocuments
from sessiond_server.adapters.http.outbound import Failed, HttpResponse, Outbound
from sessiond_server.adapters.jwt.strict_json import read_object
from sessiond_server.service.logger import Logger
from sessiond_server.service.providers.token_endpoint import (
    Doubt,
    Granted,
    NoDecision,
    Refused,
    TokenEndpoint,
    TokenResponse,
)

_OK: Final = 200
_SERVER_ERRORS: Final = 500
_MAX_TOKEN_CHARACTERS: Final = 8192
# RFC 7009 §2.2: what says success, or that the token is unknown at the provider.
_REVOKED: Final = frozenset({200, 204, 400, 404})


@dataclass(frozen=True, slots=True, repr=False)
class ClientCredentials:
    """Our client at the provider; a `secret` of None makes it a public client.

    `uses_basic` says that the secret is sent as a header (RFC 6749 §2.3.1).
    """

    client_id: str
    secret: str | None
    uses_basic: bool = False

    @property
    def method(self) -> str:
        """The name of the way in which the client shows who it is (RFC 7591 §2)."""
        if self.secret is None:
            return "none"
        return "client_secret_basic" if self.uses_basic else "client_secret_post"

    def form(self) -> dict[str, str]:
        """What is sent in the form."""
        if self.secret is None:
            return {"client_id": self.client_id}
        return {} if self.uses_basic else {"client_id": self.client_id, "client_secret": self.secret}

    def headers(self) -> dict[str, str]:
        """What is sent as headers."""
        if self.secret is None or not self.uses_basic:
            return {}
        pair = f"{quote(self.client_id, safe='')}:{quote(self.secret, safe='')}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


class HttpTokenEndpoint(TokenEndpoint):
    """The endpoints of one provider, as its documents or the settings name them."""

    def __init__(
        self,
        issuer: str,
        documents: IssuerDocuments,
        outbound: Outbound,
        credentials: ClientCredentials,
        *,
        logger: Logger,
    ) -> None:
        self._issuer = issuer
        self._documents = documents
        self._outbound = outbound
        self._credentials = credentials
        self._logger = logger

    @override
    async def refresh(self, refresh_token: str) -> TokenResponse:
        return await self._ask({"grant_type": "refresh_token", "refresh_token": refresh_token})

    @override
    async def redeem(self, code: str, *, redirect_uri: str, code_verifier: str) -> TokenResponse:
        return await self._ask(
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": redirect_uri,
                "code_verifier": code_verifier,
            }
        )

    @override
    async def revoke(self, refresh_token: str) -> bool:
        url = await self._documents.address("revocation_endpoint")
        if url is None:
            return True
        form = {"token": refresh_token, "token_type_hint": "refresh_token"}
        response = await self._post(url, form)
        return isinstance(response, HttpResponse) and response.status in _REVOKED

    async def _ask(self, grant: Mapping[str, str]) -> TokenResponse:
        url = await self._documents.address("token_endpoint")
        if url is None:
            self._logger.error("the token endpoint of an issuer is not known", issuer=self._issuer)
            return NoDecision(Doubt.NONE)
        response = await self._post(url, grant)
        if isinstance(response, Failed):
            self._logger.warning(
                "a token endpoint was not reached, or did not answer", issuer=self._issuer, why=response.name
            )
            return NoDecision(_doubt_of(response))
        return self._decided(response)

    async def _post(self, url: str, form: Mapping[str, str]) -> HttpResponse | Failed:
        return await self._outbound.post(
            url, {**form, **self._credentials.form()}, headers=self._credentials.headers()
        )

    def _decided(self, response: HttpResponse) -> TokenResponse:
        try:
            body: Mapping[str, Any] = read_object(response.body)[0]
        except (ValueError, RecursionError):
            body = {}
        if response.status == _OK:
            granted = _granted(body)
            if granted is None:
                self._logger.error("a token endpoint answered without tokens", issuer=self._issuer)
            return granted or NoDecision(Doubt.POSSIBLE)
        if body.get("error") == "invalid_grant" and response.status < _SERVER_ERRORS:
            return Refused()
        # Our own credentials, a limit, or a failure at the provider: none of them says anything of the
        # session.
        self._logger.error("a token endpoint refused to decide", issuer=self._issuer, status=response.status)
        return NoDecision(Doubt.POSSIBLE if response.status >= _SERVER_ERRORS else Doubt.NONE)


def _doubt_of(failed: Failed) -> Doubt:
    if not failed.was_sent:
        return Doubt.NONE
    # Without an answer the exchange may still be going on; any other failure is an end of some kind, and the
    # next call need not wait for the lease to run out.
    return Doubt.OPEN if failed is Failed.NO_REPLY else Doubt.POSSIBLE


def _granted(body: Mapping[str, Any]) -> Granted | None:
    access, refresh, id_token = (_token(body, name) for name in ("access_token", "refresh_token", "id_token"))
    return Granted(access, refresh, id_token) if access else None


def _token(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    return value if isinstance(value, str) and 0 < len(value) <= _MAX_TOKEN_CHARACTERS else None
