"""A provider's token endpoint (RFC 6749 §3.2) and revocation endpoint (RFC 7009)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from sessiond_server.adapters.http.issuer_documents import IssuerDocuments
from sessiond_server.adapters.http.outbound import Failed, Outbound, Reply
from sessiond_server.adapters.jwt.strict_json import read_object
from sessiond_server.service.log import Log
from sessiond_server.service.provider import Answer, Doubt, Granted, Refused, Undecided

_OK: Final = 200
_SERVER_ERRORS: Final = 500
_MAX_TOKEN_CHARACTERS: Final = 8192
# RFC 7009 §2.2: success, and a token that is unknown there.
_REVOKED: Final = frozenset({200, 204, 400, 404})


@dataclass(frozen=True, slots=True, repr=False)
class ClientCredentials:
    """Our client there; a `secret` of None makes it a public one. `uses_basic` sends it as a header (RFC 6749 §2.3.1)."""

    client_id: str
    secret: str | None
    uses_basic: bool = False

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


class HttpTokenEndpoint:
    """Implements `TokenEndpoint`."""

    def __init__(
        self, issuer: str, documents: IssuerDocuments, outbound: Outbound, credentials: ClientCredentials, *, log: Log
    ) -> None:
        self._issuer = issuer
        self._documents = documents
        self._outbound = outbound
        self._credentials = credentials
        self._log = log

    async def refresh(self, refresh_token: str) -> Answer:
        """See `TokenEndpoint.refresh`."""
        return await self._ask({"grant_type": "refresh_token", "refresh_token": refresh_token})

    async def redeem(self, code: str, *, redirect_uri: str, code_verifier: str) -> Answer:
        """See `TokenEndpoint.redeem`."""
        return await self._ask(
            {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "code_verifier": code_verifier}
        )

    async def revoke(self, refresh_token: str) -> bool:
        """See `TokenEndpoint.revoke`."""
        url = await self._documents.address("revocation_endpoint")
        if url is None:
            return True
        form = {"token": refresh_token, "token_type_hint": "refresh_token"}
        reply = await self._post(url, form)
        return isinstance(reply, Reply) and reply.status in _REVOKED

    async def _ask(self, grant: Mapping[str, str]) -> Answer:
        url = await self._documents.address("token_endpoint")
        if url is None:
            self._log.error("the token endpoint of an issuer is not known", issuer=self._issuer)
            return Undecided(Doubt.NONE)
        reply = await self._post(url, grant)
        if isinstance(reply, Failed):
            self._log.warning("a token endpoint was not reached, or did not answer", issuer=self._issuer, why=reply.name)
            return Undecided(_doubt_of(reply))
        return self._decided(reply)

    async def _post(self, url: str, form: Mapping[str, str]) -> Reply | Failed:
        return await self._outbound.post(url, {**form, **self._credentials.form()}, headers=self._credentials.headers())

    def _decided(self, reply: Reply) -> Answer:
        try:
            body: Mapping[str, Any] = read_object(reply.body)[0]
        except (ValueError, RecursionError):
            body = {}
        if reply.status == _OK:
            granted = _granted(body)
            if granted is None:
                self._log.error("a token endpoint answered without tokens", issuer=self._issuer)
            return granted or Undecided(Doubt.POSSIBLE)
        if body.get("error") == "invalid_grant" and reply.status < _SERVER_ERRORS:
            return Refused()
        # Our own credentials, a limit, or a failure there: nothing of it says anything of the session.
        self._log.error("a token endpoint refused to decide", issuer=self._issuer, status=reply.status)
        return Undecided(Doubt.POSSIBLE if reply.status >= _SERVER_ERRORS else Doubt.NONE)


def _doubt_of(failed: Failed) -> Doubt:
    if not failed.was_sent:
        return Doubt.NONE
    # Without an answer the exchange may still be going on; any other failure is an answer, of some kind.
    return Doubt.OPEN if failed is Failed.NO_REPLY else Doubt.POSSIBLE


def _granted(body: Mapping[str, Any]) -> Granted | None:
    access, refresh, id_token = (_token(body, name) for name in ("access_token", "refresh_token", "id_token"))
    return Granted(access, refresh, id_token) if access else None


def _token(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    return value if isinstance(value, str) and 0 < len(value) <= _MAX_TOKEN_CHARACTERS else None
