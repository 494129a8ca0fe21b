"""What answers of token and revocation endpoints mean, and what is told of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sessiond_server.adapters.http.client_credentials import ClientCredentials, SharedSecret
from sessiond_server.adapters.http.outbound import Failed, HttpResponse
from sessiond_server.adapters.http.token_endpoint import HttpTokenEndpoint
from sessiond_server.service.providers.token_endpoint import Doubt, Granted, NoDecision, Refused
from tests.support.fakes import RecordingLogger, RecordingTelemetry

ISSUER = "https://issuer.example"


class World:
    """A provider that gives one answer, whatever it is asked."""

    def __init__(self, status: int, body: Any) -> None:
        self.response: HttpResponse | Failed = HttpResponse(status, {}, json.dumps(body).encode())
        self.telemetry, self.logger = RecordingTelemetry(), RecordingLogger()
        ours: Any = self
        self.endpoint = HttpTokenEndpoint(
            ISSUER,
            ours,
            ours,
            ClientCredentials("app", SharedSecret(lambda: "secret", uses_basic=False)),
            telemetry=self.telemetry,
            logger=self.logger,
        )

    async def address(self, name: str) -> str:
        return f"{ISSUER}/{name}"

    async def post(self, *_: Any, **__: Any) -> HttpResponse | Failed:
        return self.response


@pytest.mark.parametrize(
    ("status", "error", "told"),
    [
        (401, "invalid_client", "invalid_client"),
        (400, "unauthorized_client", "unauthorized_client"),
        (429, "slow_down", "slow_down"),
        (500, "a token of somebody: eyJ...", "other"),
        (500, ["invalid_client"], "other"),
        (200, "invalid_grant", "invalid_grant"),
        (503, None, "none"),
    ],
)
async def test_an_error_code_is_told_by_its_registered_name(status: int, error: Any, told: str) -> None:
    world = World(status, {"error": error, "error_description": "of somebody"})
    assert isinstance(await world.endpoint.refresh("r"), NoDecision)
    ((level, _, fields),) = world.logger.lines
    assert (level, fields["error"]) == ("error", told)
    assert "of somebody" not in str(world.logger.lines)
    assert world.telemetry.of("provider_erred") == ([] if told == "none" else [(ISSUER, told)])


async def test_a_refusal_is_counted_too() -> None:
    world = World(400, {"error": "invalid_grant"})
    assert await world.endpoint.refresh("r") == Refused()
    assert world.telemetry.of("provider_erred") == [(ISSUER, "invalid_grant")]


@pytest.mark.parametrize("body", [[], "text", {"error": "invalid_grant"}, {"error": "x"}])
async def test_a_failure_behind_the_door_leaves_doubt(body: Any) -> None:
    assert await World(502, body).endpoint.refresh("r") == NoDecision(Doubt.POSSIBLE)


@pytest.mark.parametrize(
    ("status", "body", "is_settled", "told"),
    [
        (200, {}, True, []),
        (400, {}, True, []),
        (400, {"error": "unsupported_token_type"}, True, ["unsupported_token_type"]),
        (400, {"error": "invalid_client"}, False, ["invalid_client"]),
        (401, {"error": "invalid_client"}, False, ["invalid_client"]),
        (503, {}, False, []),
    ],
)
async def test_a_revocation_is_tried_again_where_nothing_was_said_of_the_token(
    status: int, body: dict[str, str], told: list[str], *, is_settled: bool
) -> None:
    world = World(status, body)
    assert await world.endpoint.revoke("r") is is_settled
    assert [fields["error"] for _, _, fields in world.logger.lines] == told
    assert world.telemetry.of("provider_erred") == [(ISSUER, error) for error in told]


async def test_a_revocation_that_was_not_answered_is_tried_again() -> None:
    world = World(200, {})
    world.response = Failed.NO_REPLY
    assert not await world.endpoint.revoke("r")


@pytest.mark.parametrize(
    ("said", "life_ms"),
    [
        ({"refresh_expires_in": 1800}, 1_800_000),
        ({"refresh_token_expires_in": 1800}, 1_800_000),
        ({"refresh_token_timeout": 1800}, 1_800_000),
        ({"authorization_expires_in": 1800}, 1_800_000),
        ({"refresh_token_timeout": 1800, "authorization_expires_in": 900}, 900_000),
        ({"refresh_expires_in": 0}, 0),
        ({"refresh_expires_in": 0, "authorization_expires_in": 900}, 900_000),
        ({}, None),
        ({"refresh_expires_in": 10**15}, 20 * 365 * 86_400_000),
    ],
)
async def test_the_life_of_a_refresh_token_is_read(said: dict[str, Any], life_ms: int | None) -> None:
    tokens = {"access_token": "a", "refresh_token": "r", "id_token": "i"}
    world = World(200, tokens | said)
    assert await world.endpoint.refresh("r") == Granted("a", "r", "i", life_ms)
    assert not world.logger.lines
    assert not world.telemetry.of("refresh_life_unread")


@pytest.mark.parametrize(
    "said",
    [
        {"refresh_expires_in": -1},
        {"refresh_expires_in": True},
        {"refresh_expires_in": "1800"},
        {"refresh_expires_in": 1800.5},
        {"refresh_expires_in": None},
        {"refresh_token_expires_in": 0},
        {"refresh_token_timeout": [1800]},
        {"refresh_expires_in": 1800, "authorization_expires_in": -1},
    ],
)
async def test_a_life_that_makes_no_sense_is_left_out_and_counted_and_told_once(said: dict[str, Any]) -> None:
    world = World(200, {"access_token": "a", "refresh_token": "r"} | said)
    for _ in range(2):
        assert await world.endpoint.refresh("r") == Granted("a", "r", None, None)
    assert world.telemetry.of("refresh_life_unread") == [(ISSUER,)] * 2
    assert world.logger.lines == [
        (
            "warning",
            "what a provider says of the life of its refresh tokens cannot be read",
            {"issuer": ISSUER},
        )
    ]
