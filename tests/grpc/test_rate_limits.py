"""A server with limits: what is too much is refused with what it is and when to come again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo, QuotaFailure, RetryInfo
from google.rpc.status_pb2 import Status

from sessiond import AsyncClient, Rejection, Session, Tokens, UnavailableError, Undecided
from sessiond.v1.session_service_pb2 import RefreshSessionRequest
from sessiond.v1.session_service_pb2_grpc import SessionServiceStub
from tests.support.config import Config
from tests.support.server import Server, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from google.protobuf.message import Message

LIMITS = [
    {"on": ["refresh"], "per": "session", "rate": "1/h", "burst": 2},
    {"on": ["revoke"], "per": "caller", "rate": "1/h"},
    {"on": ["failed_validation"], "per": "caller", "rate": "3/h"},
]


@pytest.fixture(scope="module")
async def limited(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    directory = tmp_path_factory.mktemp("l")
    config = Config(directory, limits=LIMITS)
    config.issuers = [{"issuer": "https://sessions.example", "preset": "local", "audiences": ["web"]}]
    config.tables["server"] = {"anonymous": ["validate", "session", "mint", "revoke"]}
    async with serving(config.write(), config.data, directory / "log") as server:
        yield server


@pytest.fixture
async def backend(limited: Server) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(limited.grpc, timeout=5, cache=None) as client:
        yield client


async def login(backend: AsyncClient) -> Tokens:
    return await backend.create_local_session("alice", client_id="web")


def detail(refused: grpc.aio.AioRpcError, kind: type[Message]) -> Message:
    raw = next(value for key, value in refused.trailing_metadata() if key == "grpc-status-details-bin")
    found = kind()
    assert any(one.Unpack(found) for one in Status.FromString(raw).details)
    return found


async def test_a_session_is_refreshed_as_often_as_it_may_be(backend: AsyncClient, limited: Server) -> None:
    tokens = await login(backend)
    for _ in range(2):
        tokens = await backend.refresh(tokens.refresh_token)
    async with grpc.aio.insecure_channel(limited.grpc) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await SessionServiceStub(channel).RefreshSession(
                RefreshSessionRequest(refresh_token=tokens.refresh_token), timeout=5
            )
    error = refused.value
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    info, quota, retry = (detail(error, kind) for kind in (ErrorInfo, QuotaFailure, RetryInfo))
    assert (info.reason, dict(info.metadata)) == (
        "RATE_LIMITED",
        {"activity": "refresh", "per": "session", "rate": "1/h"},
    )
    assert [(one.subject, one.description) for one in quota.violations] == [("session", "refresh 1/h")]
    assert 3000 < retry.retry_delay.seconds <= 4320
    pushback = dict(error.trailing_metadata())["grpc-retry-pushback-ms"]
    assert int(pushback) // 1000 == retry.retry_delay.seconds
    (told,) = await limited.said(event="audit", action="caller.refused", method="RefreshSession")
    assert (told["caller"], told["reason"], told["outcome"]) == ("anonymous", "RATE_LIMITED", "refused")
    # Another session is another bucket, and the one that was limited lives.
    other = await login(backend)
    await backend.refresh(other.refresh_token)


async def test_whoever_is_refused_has_ended_nothing(backend: AsyncClient) -> None:
    first, second = await login(backend), await login(backend)
    await backend.revoke_session(first.session.session_id)
    with pytest.raises(UnavailableError, match="RATE_LIMITED") as refused:
        await backend.revoke_session(second.session.session_id)
    assert refused.value.retry_after is not None
    assert not isinstance(await backend.validate(second.access_token), Rejection)


async def test_a_caller_that_brings_rejected_tokens_only_is_slowed_down(backend: AsyncClient) -> None:
    good = (await login(backend)).access_token
    for _ in range(3):
        assert isinstance(await backend.validate("no token"), Rejection)
    with pytest.raises(UnavailableError, match="RATE_LIMITED"):
        await backend.validate("no token")
    assert not isinstance(await backend.validate(good), Rejection)


async def test_rejected_tokens_that_are_too_many_are_in_nobody_elses_way(backend: AsyncClient) -> None:
    good, limit = (await login(backend)).access_token, 3
    for _ in range(limit + 1):
        verdicts = await backend.validate_all(["no token", good])
        assert isinstance(verdicts[1], Session)
    undecided = verdicts[0]
    assert isinstance(undecided, Undecided)
    assert undecided.reason == "RATE_LIMITED"
    assert undecided.retry_after.total_seconds() > 600


async def test_what_is_limited_is_counted(backend: AsyncClient, limited: Server) -> None:
    async def until_refused() -> None:
        for _ in range(5):
            await backend.validate_all(["no token"] * 2)

    with pytest.raises(UnavailableError, match="RATE_LIMITED"):
        await until_refused()
    lines = await limited.said(event="call", reason="RATE_LIMITED", method="ValidateTokens")
    assert lines[0]["code"] == "RESOURCE_EXHAUSTED"
