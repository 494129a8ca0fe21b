"""A provider's token endpoint (RFC 6749 §3.2) and revocation endpoint (RFC 7009)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from typing_extensions import override

from sessiond_server.adapters.http.client_credentials import ClientCredentials
from sessiond_server.adapters.http.error_codes import (
    INVALID_CLIENT,
    INVALID_GRANT,
    NO_CODE,
    error_code,
)
from sessiond_server.adapters.http.issuer_documents import IssuerDocuments
from sessiond_server.adapters.http.outbound import Failed, HttpResponse, Outbound
from sessiond_server.adapters.http.refresh_life import UnreadableLifeError, refresh_life_ms
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
from sessiond_server.service.telemetry import Telemetry

_OK: Final = 200
_SERVER_ERRORS: Final = 500
_MAX_TOKEN_CHARACTERS: Final = 8192
# RFC 7009 §2.2: what says success, or that there is nothing to revoke, whatever the reason.
_REVOKED: Final = frozenset({200, 204, 400, 404})


class HttpTokenEndpoint(TokenEndpoint):
    """The endpoints of one provider, as its documents or the settings name them."""

    def __init__(
        self,
        issuer: str,
        documents: IssuerDocuments,
        outbound: Outbound,
        credentials: ClientCredentials,
        *,
        telemetry: Telemetry,
        logger: Logger,
    ) -> None:
        self._issuer = issuer
        self._documents = documents
        self._outbound = outbound
        self._credentials = credentials
        self._telemetry = telemetry
        self._logger = logger
        self._is_life_told = False

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
        if isinstance(response, Failed):
            return False
        error = self._noted_error(_body_of(response))
        if error != NO_CODE:
            self._logger.warning(
                "a provider did not revoke a refresh token",
                issuer=self._issuer,
                status=response.status,
                error=error,
            )
        # Where our own credentials are wrong nothing is said of the token.
        return response.status in _REVOKED and error != INVALID_CLIENT

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
        return await self._credentials.post(self._outbound, self._documents, url, form)

    def _decided(self, response: HttpResponse) -> TokenResponse:
        body = _body_of(response)
        error = self._noted_error(body)
        if response.status == _OK:
            granted = self._granted(body)
            if granted is None:
                self._logger.error(
                    "a token endpoint answered without tokens", issuer=self._issuer, error=error
                )
            return granted or NoDecision(Doubt.POSSIBLE)
        if error == INVALID_GRANT and response.status < _SERVER_ERRORS:
            return Refused()
        # Our own credentials, a limit, or a failure at the provider: none of them says anything of the
        # session.
        self._logger.error(
            "a token endpoint refused to decide", issuer=self._issuer, status=response.status, error=error
        )
        return NoDecision(Doubt.POSSIBLE if response.status >= _SERVER_ERRORS else Doubt.NONE)

    def _granted(self, body: Mapping[str, Any]) -> Granted | None:
        access, refresh, id_token = (
            _token(body, name) for name in ("access_token", "refresh_token", "id_token")
        )
        return Granted(access, refresh, id_token, self._refresh_life_ms(body)) if access else None

    def _refresh_life_ms(self, body: Mapping[str, Any]) -> int | None:
        try:
            return refresh_life_ms(body)
        except UnreadableLifeError:
            self._telemetry.refresh_life_unread(self._issuer)
            if not self._is_life_told:
                self._is_life_told = True
                said = "what a provider says of the life of its refresh tokens cannot be read"
                self._logger.warning(said, issuer=self._issuer)
            return None

    def _noted_error(self, body: Mapping[str, Any]) -> str:
        error = error_code(body)
        if error != NO_CODE:
            self._telemetry.provider_erred(self._issuer, error)
        return error


def _body_of(response: HttpResponse) -> Mapping[str, Any]:
    """The JSON object of an answer; an empty one for anything else."""
    try:
        return read_object(response.body)[0]
    except (ValueError, RecursionError):
        return {}


def _doubt_of(failed: Failed) -> Doubt:
    if not failed.was_sent:
        return Doubt.NONE
    # Without an answer the exchange may still be going on; any other failure is an end of some kind, and the
    # next call need not wait for the lease to run out.
    return Doubt.OPEN if failed is Failed.NO_REPLY else Doubt.POSSIBLE


def _token(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    return value if isinstance(value, str) and 0 < len(value) <= _MAX_TOKEN_CHARACTERS else None
