"""What shows the endpoints of a provider who we are there."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol
from urllib.parse import quote

from typing_extensions import override

from sessiond_server.adapters.http.issuer_documents import IssuerDocuments
from sessiond_server.adapters.http.outbound import Failed, HttpResponse, Outbound
from sessiond_server.domain.client_authentication import AssertionAudience

_ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True, slots=True, repr=False)
class Shown:
    """What is sent beside a request, in the form and as headers."""

    form: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


class ClientProof(Protocol):
    """What proves that a request is of a client of ours."""

    @property
    def method(self) -> str:
        """Its registered name (RFC 7591 §2): `client_secret_post`, `private_key_jwt` and the like."""

    @property
    def algorithm(self) -> str | None:
        """What it is signed with, where it is."""
        return None

    async def show(self, client_id: str, url: str, documents: IssuerDocuments) -> Shown:
        """What one request to `url` proves it by; the issuer's `documents` name its other addresses."""


class NoProof(ClientProof):
    """A public client proves nothing."""

    method = "none"

    @override
    async def show(self, client_id: str, url: str, documents: IssuerDocuments) -> Shown:
        return Shown({"client_id": client_id})


class SharedSecret(ClientProof):
    """A secret that the provider has too; `uses_basic` sends it as a header (RFC 6749 §2.3.1).

    `secret` gives it, and is asked at every request.
    """

    def __init__(self, secret: Callable[[], str], *, uses_basic: bool) -> None:
        self._secret = secret
        self._uses_basic = uses_basic

    @property
    @override
    def method(self) -> str:
        return "client_secret_basic" if self._uses_basic else "client_secret_post"

    @override
    async def show(self, client_id: str, url: str, documents: IssuerDocuments) -> Shown:
        if not self._uses_basic:
            return Shown({"client_id": client_id, "client_secret": self._secret()})
        pair = f"{quote(client_id, safe='')}:{quote(self._secret(), safe='')}"
        return Shown(headers={"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()})


class Assertions(Protocol):
    """Makes assertions of who a client is."""

    @property
    def algorithm(self) -> str:
        """What they are signed with now."""

    def make(self, audience: str, *, is_typed: bool) -> str:
        """A new one for this audience alone; `is_typed` gives it a type of its own."""


class SignedAssertion(ClientProof):
    """An assertion that is signed for one request (RFC 7523 §2.2); the provider has the public key alone.

    With the issuer as its audience it is what draft-ietf-oauth-rfc7523bis wants, and has that draft's type.
    """

    method = "private_key_jwt"

    def __init__(self, issuer: str, assertions: Assertions, audience: AssertionAudience | str) -> None:
        self._issuer = issuer
        self._assertions = assertions
        self._audience = audience

    @property
    @override
    def algorithm(self) -> str:
        return self._assertions.algorithm

    @override
    async def show(self, client_id: str, url: str, documents: IssuerDocuments) -> Shown:
        audience = await self._audience_at(url, documents)
        assertion = self._assertions.make(audience, is_typed=audience == self._issuer)
        return Shown(
            {
                "client_id": client_id,
                "client_assertion_type": _ASSERTION_TYPE,
                "client_assertion": assertion,
            }
        )

    async def _audience_at(self, url: str, documents: IssuerDocuments) -> str:
        match self._audience:
            case AssertionAudience.ISSUER:
                return self._issuer
            case AssertionAudience.TOKEN_ENDPOINT:
                return await documents.address("token_endpoint") or url
            case AssertionAudience.ENDPOINT:
                return url
            case named:
                return named


@dataclass(frozen=True, slots=True, repr=False)
class ClientCredentials:
    """Our client at a provider, and what proves there that it is ours."""

    client_id: str
    proof: ClientProof

    @property
    def is_public(self) -> bool:
        """Whether anybody may say that they are this client."""
        return isinstance(self.proof, NoProof)

    async def post(
        self, outbound: Outbound, documents: IssuerDocuments, url: str, form: Mapping[str, str]
    ) -> HttpResponse | Failed:
        """Send a form to an endpoint of the provider, as this client."""
        shown = await self.proof.show(self.client_id, url, documents)
        return await outbound.post(url, {**form, **shown.form}, headers=shown.headers)
