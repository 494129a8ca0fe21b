"""What a request to a provider shows of who we are, at each of its endpoints."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

import pytest

from sessiond_server.adapters.http.client_credentials import (
    ClientCredentials,
    ClientProof,
    NoProof,
    SharedSecret,
    SignedAssertion,
)
from sessiond_server.adapters.http.outbound import HttpResponse
from sessiond_server.adapters.http.token_endpoint import HttpTokenEndpoint
from sessiond_server.domain.client_authentication import AssertionAudience
from tests.support.fakes import SilentLogger, SilentTelemetry

ISSUER = "https://issuer.example"
TOKEN, REVOCATION = f"{ISSUER}/token", f"{ISSUER}/revoke"


@dataclass
class World:
    """A provider that keeps what it is sent, and is known by its documents; it makes assertions too."""

    sent: list[tuple[str, dict[str, str], dict[str, str]]] = field(default_factory=list)
    algorithm: str = "ES256"

    async def address(self, name: str) -> str:
        return {"token_endpoint": TOKEN, "revocation_endpoint": REVOCATION}[name]

    async def post(self, url: str, form: dict[str, str], *, headers: dict[str, str]) -> HttpResponse:
        self.sent.append((url, form, headers))
        return HttpResponse(200, {}, b"{}")

    def make(self, audience: str, *, is_typed: bool) -> str:
        return f"for {audience}{', typed' if is_typed else ''}"

    async def asked_by(self, proof: ClientProof) -> list[tuple[str, dict[str, str], dict[str, str]]]:
        ours: Any = self
        credentials = ClientCredentials("our app", proof)
        endpoint = HttpTokenEndpoint(
            ISSUER, ours, ours, credentials, telemetry=SilentTelemetry(), logger=SilentLogger()
        )
        await endpoint.refresh("r")
        await endpoint.revoke("r")
        return self.sent


@pytest.mark.parametrize(
    ("audience", "at_token", "at_revocation"),
    [
        (AssertionAudience.ISSUER, f"for {ISSUER}, typed", f"for {ISSUER}, typed"),
        (AssertionAudience.TOKEN_ENDPOINT, f"for {TOKEN}", f"for {TOKEN}"),
        (AssertionAudience.ENDPOINT, f"for {TOKEN}", f"for {REVOCATION}"),
        ("urn:example:as", "for urn:example:as", "for urn:example:as"),
        (ISSUER, f"for {ISSUER}, typed", f"for {ISSUER}, typed"),
    ],
)
async def test_an_assertion_is_for_whom_it_should_be_at_each_endpoint(
    audience: AssertionAudience | str, at_token: str, at_revocation: str
) -> None:
    world = World()
    assertions: Any = world
    sent = await world.asked_by(SignedAssertion(ISSUER, assertions, audience))
    assert [(url, form["client_assertion"]) for url, form, _ in sent] == [
        (TOKEN, at_token),
        (REVOCATION, at_revocation),
    ]
    for _, form, headers in sent:
        assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        assert (form["client_id"], headers) == ("our app", {})


async def test_a_secret_is_asked_for_at_every_request() -> None:
    secrets = iter(["first", "second"])
    sent = await World().asked_by(SharedSecret(lambda: next(secrets), uses_basic=False))
    assert [form["client_secret"] for _, form, _ in sent] == ["first", "second"]


async def test_a_secret_may_be_sent_as_a_header_alone() -> None:
    sent = await World().asked_by(SharedSecret(lambda: "s:cret", uses_basic=True))
    for _, form, headers in sent:
        assert base64.b64decode(headers["Authorization"].removeprefix("Basic ")) == b"our%20app:s%3Acret"
        assert not {"client_id", "client_secret"} & set(form)


async def test_a_public_client_gives_its_name_alone() -> None:
    for _, form, headers in await World().asked_by(NoProof()):
        assert (form["client_id"], headers) == ("our app", {})
        assert "client_secret" not in form
