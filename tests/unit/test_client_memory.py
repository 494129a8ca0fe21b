"""What a client drops when it has revoked something itself."""

from __future__ import annotations

from typing import Any

import pytest

from sessiond.cache import Cache
from sessiond.clocks import SYSTEM_CLOCKS
from sessiond.hashed_ids import hashed_id, of_token
from sessiond.memory import Memory
from sessiond.v1 import session_pb2, session_service_pb2

ISSUER = "https://id.example"
TARGETS: list[tuple[dict[str, Any], bytes]] = [
    ({"session_id": "s"}, hashed_id("session", "", "s")),
    ({"access_token": "t"}, of_token(b"t")),
    ({"subject": {"issuer": ISSUER, "subject": "u"}}, hashed_id("subject", ISSUER, "u")),
    ({"tenant": {"issuer": ISSUER, "tenant_id": "o"}}, hashed_id("tenant", ISSUER, "o")),
    ({"client": {"issuer": ISSUER, "client_id": "c"}}, hashed_id("client", ISSUER, "c")),
    (
        {"provider_session": {"issuer": ISSUER, "session_id": "p"}},
        hashed_id("provider_session", ISSUER, "p"),
    ),
    ({"key": {"issuer": ISSUER, "key_id": "k"}}, hashed_id("key", ISSUER, "k")),
    ({"issuer": ISSUER}, hashed_id("issuer", ISSUER, "")),
]


def ended(request: dict[str, Any], *told: bytes, sessions_ended: int | None = 0) -> Memory:
    """What a client knows that watches, and has revoked this."""
    memory = Memory(Cache(), SYSTEM_CLOCKS)
    memory.knowledge.cover(0.0)
    response = session_service_pb2.RevokeSessionResponse(
        sessions_ended=sessions_ended, revocations=[session_pb2.Revocation(hashed_id=one) for one in told]
    )
    memory.end(session_service_pb2.RevokeSessionRequest(**request), response)
    return memory


@pytest.mark.parametrize(("request_", "hashed"), TARGETS, ids=[next(iter(one)) for one, _ in TARGETS])
def test_a_target_is_dropped_by_what_names_it(request_: dict[str, Any], hashed: bytes) -> None:
    knowledge = ended(request_).knowledge
    assert knowledge.has_heard(hashed)
    assert knowledge.epoch == 0
    assert knowledge.generation == 1


def test_every_target_of_the_schema_is_known() -> None:
    fields = session_service_pb2.RevokeSessionRequest.DESCRIPTOR.oneofs_by_name["target"].fields
    assert {field.name for field in fields} == {next(iter(one)) for one, _ in TARGETS} | {"refresh_token"}


def test_what_the_server_tells_is_dropped_and_nothing_else() -> None:
    knowledge = ended({"refresh_token": "r"}, b"1" * 16, b"2" * 16, sessions_ended=2).knowledge
    assert knowledge.has_heard(b"1" * 16)
    assert knowledge.has_heard(b"2" * 16)
    assert knowledge.epoch == 0


@pytest.mark.parametrize("sessions_ended", [1, None])
def test_a_server_that_ended_something_and_tells_nothing_costs_everything(sessions_ended: int | None) -> None:
    assert ended({"refresh_token": "r"}, sessions_ended=sessions_ended).knowledge.epoch == 1


def test_a_server_that_has_more_than_it_may_tell_costs_everything() -> None:
    told = [number.to_bytes(16, "big") for number in range(4_096)]
    assert ended({"refresh_token": "r"}, *told, sessions_ended=9).knowledge.epoch == 1


def test_without_a_watch_nothing_told_may_mean_anything() -> None:
    memory = Memory(Cache(), SYSTEM_CLOCKS)
    memory.end(
        session_service_pb2.RevokeSessionRequest(refresh_token="r"),
        session_service_pb2.RevokeSessionResponse(sessions_ended=0),
    )
    assert memory.knowledge.epoch == 1
